"""Where genes are spliced: convolution and a GRU over DNA, judged on sequences unlike those of training."""
