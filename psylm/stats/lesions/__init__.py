"""Tables about lesions and simulated participants."""
