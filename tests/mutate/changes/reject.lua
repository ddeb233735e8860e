-- Mistakes in src/reject.
return {
  tests = { "core/test_nr", "core/test_dnr", "lua/test_reject", "lua/test_detectors", "lua/test_dnr", "core/test_dnr_tune",
    "lua/test_tune", "core/test_ascent", "lua/test_preprocess" },
  files = { dnr_fit = { "core/test_dnr" }, log_odds = { "lua/test_detectors" }, density = { "lua/test_detectors" }, mahalanobis = { "lua/test_detectors" },
    squeezers = { "lua/test_detectors" }, tied_gaussian = { "lua/test_detectors" }, threshold = { "core/test_nr", "lua/test_reject" } },

  { file = "src/reject/density.c", old = "(double)points->width / 2 * log(2 * pi * h2)", new = "(double)points->width * log(2 * pi * h2)" },
  { file = "src/reject/density.c", old = "ok = ok && n > 0 && (sum += counts[c]) <= from.n;", new = "ok = ok && (sum += counts[c]) <= from.n;" },
  { file = "src/reject/nr.c", old = "fmax(ascent->threshold, nr->threshold)", new = "fmin(ascent->threshold, nr->threshold)" },
  { file = "src/reject/log_odds.c", old = "log_sum_pull(scores, c, -w, dz);", new = "log_sum_pull(scores, c, w, dz);" },
  { file = "src/reject/threshold.c", old = "best[rejected - 1]", new = "best[rejected]" },
  { file = "src/reject/threshold.c", old = "    if (cJSON_IsNull(item))\n        *threshold = -INFINITY;", new = "    if (cJSON_IsNull(item))\n        *threshold = INFINITY;" },
  { file = "src/reject/dnr.c", old = "inputs[i * dnr->inputs + layer->offset + c] =", new = "inputs[i * dnr->inputs + l * layer->columns + c] =" },
  { file = "src/reject/dnr.c", old = "Tile tile = { .dnr = dnr, .keep = ascent->direction, .wider = ascent->wider_below };",
    new = "Tile tile = { .dnr = dnr, .keep = ascent->direction, .wider = ascent->wider };" },
  { file = "src/reject/dnr_fit.c", old = "        if (!ok)\n            swap_parts(dnr, &training);\n", new = "" },
  { file = "src/reject/mahalanobis.c", old = "distances[c] > distances[best]", new = "distances[c] < distances[best]" },
  { file = "src/reject/squeezers.c", old = "(1 << job->squeezer.size) - 1", new = "1 << job->squeezer.size" },
  { file = "src/reject/tied_gaussian.c", old = "from->shrinkage * trace / (double)width", new = "from->shrinkage * trace" },
  { file = "src/reject/tied_gaussian.c", old = "row[k] = 2 * (towards - all * row[k]);", new = "row[k] = 2 * (towards - row[k]);" },
}
