"""Files on other hosts: downloads of media, uploads to presigned URLs."""
