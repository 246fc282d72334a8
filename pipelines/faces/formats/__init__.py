"""What each format of files needs before and after a library decodes it."""
