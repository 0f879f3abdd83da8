"""Operations on assets, folders and libraries."""
