"""Jobs that are submitted in one process and waited for in another.

Their files are not collected by themselves, since Celery, Dask and Ray are large:
``nox -s interop``.
"""
