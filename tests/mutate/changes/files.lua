-- Mistakes in src/files.
return {
  tests = { "core/test_model_file", "core/test_result_file", "core/test_data_file", "lua/test_old_files", "lua/test_kept",
    "lua/test_session", "lua/test_records" },

  { file = "src/files/model_file.c", old = "if (part->kind->part_at ? write_model", new = "if (!part->kind->part_at ? write_model" },
  { file = "src/files/model_file.c", old = "    inner.prefix = prefix.text;\n    inner.meta = cJSON", new = "    inner.meta = cJSON" },
  { file = "src/files/model_file.c", old = "        error_blame_file(err);\n", new = "" },
  { file = "src/files/result_check.c", old = "fabs(a - b) <= 1e-6 * (1 + fabs(b))", new = "fabs(a - b) <= 1e-2 * (1 + fabs(b))" },
  { file = "src/files/result_check.c", old = "judged && (one == LABEL_NONE || (result->rejects && one == LABEL_REJECTED))",
    new = "judged && (one == LABEL_NONE || one == LABEL_REJECTED)" },
  { file = "src/files/result_check.c", old = "return !(one > limit(check, i, 1)) ||", new = "return !(one > limit(check, i, 2)) ||" },
}
