-- Mistakes in src/svm.
return {
  tests = { "core/test_kernel", "core/test_smo", "core/test_solver", "core/test_decompose", "core/test_svc", "lua/test_svm",
    "core/test_ascent", "core/test_one_pass", "core/test_matrix_memory", "lua/test_kernels_in_lua" },
  files = { kernel_source = { "core/test_decompose", "core/test_smo" }, decision_ascent = { "core/test_ascent" }, kernel_poly = { "core/test_kernel" }, kernel_rbf = { "core/test_kernel" },
    binary_problem = { "core/test_decompose", "core/test_screen" }, screen = { "core/test_screen" } },

  { file = "src/svm/binary_problem.h", old = "problem->alpha[t] > (problem->side[t] > 0 ? 0 : -problem_bound(problem, t))",
    new = "problem->alpha[t] > (problem->side[t] > 0 ? 0 : problem_bound(problem, t))" },
  { file = "src/svm/screen.c", old = "        problem->b = problem_settle(problem->b, middle.mid, middle.apart);\n", new = "" },
  { file = "src/svm/screen.c", old = "double allowed = problem->tolerance - middle.apart / 2;", new = "double allowed = 100 * problem->tolerance;" },
  { file = "src/svm/decompose.c", old = "standing->mid = (most + least) / 2;", new = "standing->mid = (most - least) / 2;" },
  { file = "src/svm/decompose.c", old = "return rounds->task->problem[p].side[t] - rounds->sum[p * rounds->n + t];",
    new = "return rounds->task->problem[p].side[t] + rounds->sum[p * rounds->n + t];" },
  { file = "src/svm/kernel_poly.c", old = "kernel->degree * kernel->gamma,", new = "kernel->degree," },
  { file = "src/svm/kernel_rbf.c", old = "    scale(slope, -kernel->gamma, n);", new = "    scale(slope, kernel->gamma, n);" },
  { file = "src/svm/kernel_source.c", old = "    gathered.row -= source->known;\n", new = "" },
  { file = "src/svm/kernel_source.c", old = "        rows->row[rows->holder[at]] = ROW_NONE;\n    return at;", new = "        rows->row[at] = ROW_NONE;\n    return at;" },
  { file = "src/svm/kernel_source.c", old = "            source->slot[t] = SLOT_NONE;\n        }\n}", new = "        }\n}" },
  { file = "src/svm/svc.c", old = "        scores[2 * n + 1] = f;\n        scores[2 * n] = -f;", new = "        scores[2 * n] = f;\n        scores[2 * n + 1] = -f;" },
  { file = "src/svm/svc.c", old = "machine->alpha[k * functions + f]", new = "machine->alpha[f * m + k]" },
  { file = "src/svm/svc.c", old = "    else\n        kernel_assign(fitted, set);\n    return true;", new = "    return true;" },
  { file = "src/svm/decision_ascent.c", old = "double own = row.own + goal.down * b[goal.falling];", new = "double own = row.own;" },
}
