-- Mistakes in src/host.
return {
  tests = { "lua/test_program" },

  { file = "src/host/chunk.c", old = "seen >= count - SHOWN_LAST", new = "seen >= count + SHOWN_LAST" },
  { file = "src/host/source.c", old = "start += sizeof mark - 1;", new = "start += sizeof mark;" },
  { file = "src/host/options.c", old = "number >= 1 && number <= count", new = "number <= count" },
  { file = "src/host/options.c", old = "options->code[options->code_count++] = argv[++*at];", new = "options->code[0] = argv[++*at], options->code_count = 1;" },
  { file = "src/host/options.c", old = "    options->script = at;\n", new = "    options->script = at + 1;\n" },
  { file = "src/host/paths.c", old = "source[1 + length] == '/';", new = "source[1 + length] != '/';" },
}
