"""Operations on translations, proofreads and lipsyncs."""
