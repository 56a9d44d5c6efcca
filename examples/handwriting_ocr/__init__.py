"""Lines of handwritten digits, read column by column by a CNN, a GRU and CTC, judged on images never seen."""
