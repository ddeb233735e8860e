-- Mistakes in src/classic.
return {
  tests = { "core/test_classic", "lua/test_classic", "lua/test_per_sample" },
  files = { knn = { "lua/test_classic" } },

  { file = "src/classic/knn.c", old = "self->used.k < points.n ? self->used.k + 1", new = "self->used.k < points.n ? self->used.k" },
  { file = "src/classic/knn.c", old = "touches ? near[i].square == 0 : 1 / sqrt(near[i].square)", new = "1 / sqrt(near[i].square)" },
  { file = "src/classic/logistic.c", old = "(request->w[2 * i + 1] - request->w[2 * i]) / 2", new = "(request->w[2 * i + 1] + request->w[2 * i]) / 2" },
  { file = "src/classic/newton.c", old = "penalty / 2 + self->problem->C * loss", new = "penalty + self->problem->C * loss" },
  { file = "src/classic/newton.c", old = "row[c] = p[c] * (row[c] - mean);", new = "row[c] = p[c] * row[c];" },
  { file = "src/classic/newton.c", old = "functions > 1 ? c : c == 1 ? 0 : SIZE_MAX", new = "functions > 1 ? c : c == 0 ? 0 : SIZE_MAX" },
  { file = "src/classic/step_pca.c", old = "fmax(w, 0) / (double)(n - 1)", new = "fmax(w, 0) / (double)n" },
  { file = "src/classic/step_pca.c", old = "(size - 1 - k);\n    double square", new = "k;\n    double square" },
  { file = "src/classic/step_scale.c", old = "params->std && !constant ?", new = "params->std ?" },
  { file = "src/classic/step_unit_norm.c", old = "(j == top) * sign(x[j])", new = "sign(x[j])" },
  { file = "src/classic/neighbours.c", old = "sum[c] = w[c] / sum[c] - total", new = "sum[c] = w[c] / sum[c] + total" },
}
