-- The options that say how a figure looks: every picture, plot.figure, save, show and script take them.

return {
  { "size", '"column"|"page"|"slide"', "by what is drawn",
    "of a paper's column (3.5 inches wide, letters of 8 points), its page (7, 9), a slide (10 by 5.6, 14)" },
  { "font", "string", "Arial", "the family of the letters" },
  { "font_size", "number", "by the size, else 11", "of the letters in points, true where the size is" },
  { "theme", '"print"|"slide"|"dark"|"grey"', "print",
    "colours on white; heavier lines; colours on black; greys, which dashes and marks tell apart" },
}
