-- Mistakes in src/grad.
return {
  tests = { "core/test_tape", "lua/test_grad" },

  { file = "src/grad/pull_decompose.c", old = "power == 1 ? b - a : (b - a) * (b + a)", new = "power == 1 ? a - b : (b - a) * (b + a)" },
  { file = "src/grad/pull_decompose.c", old = "inner = combined(\"add\", inner, scaled(m, s, true, false), err);", new = "inner = combined(\"add\", inner, scaled(m, s, false, false), err);" },
  { file = "src/grad/pull_reduce.c", old = "(root ? 1 : 2) / (group_size(pull) - what->ddof)", new = "(root ? 1 : 2) / group_size(pull)" },
  { file = "src/grad/pull_reduce.c", old = "    for (size_t i = n; i-- > 0;) {\n        d[i] *= behind;", new = "    for (size_t i = n; i-- > 1;) {\n        d[i] *= behind;" },
  { file = "src/grad/pull_reduce.c", old = "back[axes[d]] = d;", new = "back[d] = axes[d];" },
  { file = "src/grad/pull_elementwise.c", old = "run_slope(pull, slope, *pull->gradient, true)", new = "run_slope(pull, slope, *pull->gradient, false)" },
  { file = "src/grad/pull_linalg.c", old = "pull->k == 0 ? product(dy, factor, err) : product(factor, dy, err)", new = "pull->k == 0 ? product(factor, dy, err) : product(dy, factor, err)" },
}
