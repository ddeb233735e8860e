-- How wide the letters of a figure are: the advances of DejaVu Sans, which stands in for Arial where nothing
-- else is installed and is the wider of the two.

local widths = {}

-- Thousandths of the letters' size, from the space to the tilde.
local regular = {
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636,
  636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752,
  295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390,
  838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411,
  521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
}
local bold = {
  348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696,
  696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821,
  837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457,
  365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687,
  716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
}

-- Elsewhere by blocks, on the generous side: { last code, width }. CJK and emoji take two columns, what is
-- set over the letter before takes none.
local blocks = {
  { 0x2ff, 760 }, { 0x36f, 0 }, { 0x3ff, 720 }, { 0x482, 900 }, { 0x489, 0 }, { 0x58f, 900 },
  { 0x590, 700 }, { 0x5bd, 0 }, { 0x5ff, 700 }, { 0x60f, 700 }, { 0x61a, 0 }, { 0x64a, 900 }, { 0x65f, 0 },
  { 0x10ff, 1000 }, { 0x11ff, 1250 }, { 0x1dbf, 900 }, { 0x1dff, 0 }, { 0x1fff, 800 }, { 0x200a, 500 },
  { 0x2017, 1000 }, { 0x201f, 520 }, { 0x2027, 1000 }, { 0x206f, 400 }, { 0x209f, 460 }, { 0x20cf, 700 },
  { 0x20ff, 0 }, { 0x25ff, 1000 }, { 0x2e7f, 1300 }, { 0xa4cf, 1250 }, { 0xabff, 1000 }, { 0xd7af, 1250 },
  { 0xfdff, 1250 }, { 0xfe0f, 0 }, { 0xfe1f, 1000 }, { 0xfe2f, 0 }, { 0xff60, 1250 }, { 0xffef, 700 },
  { 0x1ffff, 1450 }, { 0xe00ff, 1250 }, { 0x10ffff, 1000 },
}

-- The width of one character in shares of the letters' size.
function widths.of(code, heavy)
  if code >= 32 and code <= 126 then return (heavy and bold or regular)[code - 31] / 1000 end
  for _, block in ipairs(blocks) do
    if code <= block[1] then return block[2] / 1000 * (heavy and 1.12 or 1) end
  end
  return 1
end

return widths
