"""Operations that make videos."""
