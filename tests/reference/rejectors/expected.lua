-- Written by make.py.
return { temperature = 2.5, bandwidth = 0.8, shrinkage = 0.2, weights = { 0.5, 2.0 }, left_out = 0.36710414267383756 }
