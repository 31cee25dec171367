"""The stores that come with splitbrain as targets, one module each: options, claims, what each is tried with, planted
bugs."""
