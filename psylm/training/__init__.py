"""What trains, fine-tunes and aligns models: recipes, corpora, batches, the loop, checkpoints."""
