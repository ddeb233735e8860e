-- Mistakes in src/plot.
return {
  tests = { "core/test_columns", "core/test_png", "core/test_terminal_picture", "core/test_gnuplot", "lua/test_plot",
    "lua/test_plot_views", "lua/test_own_pictures", "lua/test_plot_figure" },

  { file = "src/plot/png.c", old = "writing->image->dots / 0.0254", new = "writing->image->dots / 0.254" },
  { file = "src/plot/png.c", old = "i * image->width * (size_t)image->channels", new = "i * image->width" },
  { file = "src/plot/columns.c", old = "if (i == 0 || order[i] != order[i - 1])", new = "if (i > 0 && order[i] != order[i - 1])" },
  { file = "src/plot/columns.c", old = "DIGITS + floor(log10(size / distance))", new = "DIGITS - floor(log10(size / distance))" },
  { file = "src/plot/raster.c", old = "sheet->rgb + (y * sheet->width + x) * 3", new = "sheet->rgb + (x * sheet->height + y) * 3" },
  { file = "src/plot/colour.c", old = "return 16 + 36 * r + 6 * g + b;", new = "return 16 + 36 * r + g + 6 * b;" },
  { file = "src/plot/terminal_picture.c", old = "print_colour(out, mode, 48, lower);", new = "print_colour(out, mode, 38, lower);" },
}
