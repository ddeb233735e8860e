-- The texts of a figure: how wide they are, cut and broken into lines, and as gnuplot takes them. Every text
-- of every figure goes through words.quote.
--
-- A part between two dollar signs is a formula (formula.lua); every other letter stands for itself. A line is
-- a list of atoms, { text =, width =, tree = (of a formula) }.

local formula = require "perigee.plot.formula"
local width_of = require("perigee.plot.widths").of

local native = require "perigee.native"
local text_of = require("perigee.text").of

local words = {}

local ELLIPSIS = "…"

-- ---- Reading ---------------------------------------------------------------------------------------

local function add_letters(line, text, heavy)
  for _, code in utf8.codes(text) do
    local width, last = width_of(code, heavy), line[#line]
    if width == 0 and last then -- belongs to the letter before
      last.text = last.text .. utf8.char(code)
    else
      line[#line + 1] = { text = utf8.char(code), width = width }
    end
  end
end

-- The formula that begins at the dollar sign: its tree and what comes behind it. Two dollar signs
-- next to each other, and one before a digit, end none.
local function formula_at(text, at)
  local source, behind = text:match("^%$([^$]+)%$()", at)
  if not source or text:find("^[%d$]", behind) or text:sub(at - 1, at - 1) == "$" then return nil end
  local tree = formula.tree(source)
  if tree then return tree, behind end
end

local function atoms_in(text, heavy)
  local line, at = {}, 1
  while at <= #text do
    local dollar = text:find("$", at, true)
    local tree, behind
    if dollar then tree, behind = formula_at(text, dollar) end
    add_letters(line, text:sub(at, dollar and (tree and dollar - 1 or dollar) or -1), heavy)
    if tree then
      line[#line + 1] = { tree = tree, width = formula.width(tree, heavy) }
    end
    at = tree and behind or dollar and dollar + 1 or #text + 1
  end
  return line
end

-- What was read of the last texts, which are measured several times: by text, thin and bold ones.
local read, count, MANY = { [true] = {}, [false] = {} }, 0, 200

-- The atoms of a text without newlines; not to be changed.
local function atoms_of(text, heavy)
  local known = read[heavy or false]
  if known[text] then return known[text] end
  if count == MANY then read, count = { [true] = {}, [false] = {} }, 0 end
  local line = atoms_in(text, heavy)
  read[heavy or false][text], count = line, count + 1
  return line
end

-- The text in one line.
function words.flat(text)
  return (text_of(text):gsub("%s*\n%s*", " "))
end

-- Whether any part of it is a formula.
function words.has_formula(text)
  for _, atom in ipairs(atoms_of(native.printable(words.flat(text)))) do
    if atom.tree then return true end
  end
  return false
end

local function line_width(line)
  if not line.sum then
    local sum = 0
    for _, atom in ipairs(line) do sum = sum + atom.width end
    line.sum = sum
  end
  return line.sum
end

-- ---- Cutting and breaking --------------------------------------------------------------------------

-- The first atoms that are no wider than `room`, an ellipsis behind them if there are more.
local function cut(line, room, heavy)
  if line_width(line) <= room then return line, false end
  local short, used = {}, width_of(0x2026, heavy)
  for _, atom in ipairs(line) do
    used = used + atom.width
    if used > room then break end
    short[#short + 1] = atom
  end
  while #short > 0 and short[#short].text == " " do short[#short] = nil end
  short[#short + 1] = { text = ELLIPSIS, width = width_of(0x2026, heavy) }
  return short, true
end

-- Where a line no wider than room may end: behind a space, or behind a sign that joins two words.
local function break_of(line, room)
  local used, place = 0, nil
  for i, atom in ipairs(line) do
    if atom.text == " " then
      if used <= room then place = i end
    end
    used = used + atom.width
    if used > room then break end
    if atom.text and atom.text:find "^[-_/,;:]$" and i > 1 and line[i + 1] then place = i end
  end
  return place
end

local function part(line, first, last)
  while first <= last and line[first].text == " " do first = first + 1 end
  while last >= first and line[last].text == " " do last = last - 1 end
  return table.move(line, first, last, 1, {})
end

local function wrap(line, room, most, out)
  while line_width(line) > room and #out < most - 1 do
    local place = break_of(line, room)
    if not place then break end
    out[#out + 1] = part(line, 1, place)
    line = part(line, place + 1, #line)
  end
  out[#out + 1] = line
end

-- A text in at most `most` lines (2) of at most `room`, what does not fit cut. look: room, size (of the
-- letters, in the same units), bold. Each line has its width; lines.cut tells that something is missing.
function words.lines(text, look)
  local room, most = (look.room or math.huge) / look.size, look.most or 2
  local out = {}
  for piece in (native.printable(text_of(text)) .. "\n"):gmatch "(.-)\n" do
    wrap(atoms_of(piece:gsub("\t", " "), look.bold), room, math.max(most, #out + 1), out)
  end
  if #out > most then -- the last one says that there was more
    out[most] = table.move(out[most], 1, #out[most], 1, {})
    table.insert(out[most], { text = ELLIPSIS, width = width_of(0x2026, look.bold) })
    for i = #out, most + 1, -1 do out[i] = nil end
    out.cut = true
  end
  for i, line in ipairs(out) do
    local missing
    out[i], missing = cut(line, room, look.bold)
    out.cut = out.cut or missing
    out[i] = table.move(out[i], 1, #out[i], 1, { width = line_width(out[i]) * look.size })
  end
  return out
end

-- The width of its widest line.
function words.width(text, size, bold)
  local widest = 0
  for _, line in ipairs(words.lines(text, { size = size, bold = bold, most = math.huge })) do
    widest = math.max(widest, line.width)
  end
  return widest
end

-- ---- Writing ---------------------------------------------------------------------------------------

-- A backslash has a group of its own: cairo's terminals take a text without any other sign of the markup as
-- it is, both backslashes with it.
local function escape_enhanced(text)
  return (text:gsub("[\\{}^_@&~]", "\\%0"):gsub("\\\\", "{%0}"))
end

local latex_signs = {
  ["\\"] = "\\textbackslash{}", ["{"] = "\\{", ["}"] = "\\}", ["%"] = "\\%", ["#"] = "\\#", ["$"] = "\\$",
  ["&"] = "\\&", ["_"] = "\\_", ["~"] = "\\textasciitilde{}", ["^"] = "\\textasciicircum{}",
  ["<"] = "\\textless{}", [">"] = "\\textgreater{}", ["|"] = "\\textbar{}", ['"'] = "\\char34{}",
  ["`"] = "`{}", ["'"] = "'{}", ["-"] = "{-}", [ELLIPSIS] = "\\ldots{}",
  ["−"] = "$-$", ["×"] = "$\\times$", ["′"] = "$'$", ["∞"] = "$\\infty$", ["·"] = "$\\cdot$",
  ["≤"] = "$\\le$", ["≥"] = "$\\ge$", ["→"] = "$\\to$", ["ϵ"] = "$\\epsilon$", ["–"] = "--", ["—"] = "---",
}
for name, code in pairs { alpha = 0x3b1, beta = 0x3b2, gamma = 0x3b3, delta = 0x3b4, varepsilon = 0x3b5,
  eta = 0x3b7, theta = 0x3b8, lambda = 0x3bb, mu = 0x3bc, pi = 0x3c0, rho = 0x3c1, sigma = 0x3c3,
  tau = 0x3c4, varphi = 0x3c6, chi = 0x3c7, psi = 0x3c8, omega = 0x3c9, Delta = 0x394, Sigma = 0x3a3 } do
  latex_signs[utf8.char(code)] = "$\\" .. name .. "$"
end

-- Letters that pdflatex has not without help are question marks there.
local function escape_latex(text)
  return (text:gsub(utf8.charpattern, function(sign)
    if latex_signs[sign] then return latex_signs[sign] end
    local code = utf8.codepoint(sign)
    return code > 0x17f and ("{\\ifdefined\\Umathchar %s\\else ?\\fi}"):format(sign) or nil
  end))
end

local function plain(text) return text end

-- What is written of letters and of formulas, by form.
local forms = {
  plain = { letters = plain, formula = function(atom) return formula.plain(atom.tree) end },
  enhanced = { letters = escape_enhanced,
    formula = function(atom) return formula.enhanced(atom.tree, escape_enhanced) end },
  latex = { letters = escape_latex,
    formula = function(atom) return "$" .. formula.latex(atom.tree, escape_latex) .. "$" end },
}

local function written(line, form)
  local out = {}
  for i, atom in ipairs(line) do
    out[i] = atom.tree and form.formula(atom) or form.letters(atom.text)
  end
  return table.concat(out)
end

-- Lines (of words.lines), or a text, as gnuplot's string. form: "plain" for a terminal that is told
-- noenhanced; "enhanced" for one that is not (and set to UTF-8, without which SVG spoils "&"); "latex".
-- shown(text), if given, answers what can be drawn of the letters.
function words.quote(text, form, shown)
  local list = type(text) == "table" and text or words.lines(text, { size = 1, most = math.huge })
  local out = {}
  for i, line in ipairs(list) do out[i] = written(line, forms[form]) end
  local all = table.concat(out, "\n")
  return native.gnuplot.quote(shown and shown(all) or all)
end

-- The text as it can be read where there are no formulas.
function words.plain(text)
  local out = {}
  for i, line in ipairs(words.lines(text, { size = 1, most = math.huge })) do
    out[i] = written(line, forms.plain)
  end
  return table.concat(out, "\n")
end

return words
