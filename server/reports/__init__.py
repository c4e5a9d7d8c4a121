"""What was bought in a time, written for people, spreadsheets, programs and bookkeeping."""
