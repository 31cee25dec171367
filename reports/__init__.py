"""What people read: a run's report, and the comparison of several targets. Pure data in, one HTML file out."""
