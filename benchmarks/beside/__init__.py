"""What ``benchmarks/faults.py`` runs in processes of their own: libraries, and their work."""
