"""Files from and to other hosts: downloads of media, uploads to presigned URLs."""
