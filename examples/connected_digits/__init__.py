"""Connected digits: numbers of three to five spoken digits, read off as they are said (CTC)."""
