-- A formula in a text, what stands between two dollar signs: Greek letters, a few signs, letters set lower
-- and higher. As a tree, and the tree in gnuplot's words, in LaTeX's, in Unicode and its width.
--
-- A tree is a list of { text =, italic = }, { sub = tree } and { sup = tree }.

local width_of = require("perigee.plot.widths").of

local formula = {}

local signs = {
  alpha = "α", beta = "β", gamma = "γ", delta = "δ", epsilon = "ε", varepsilon = "ε", zeta = "ζ", eta = "η",
  theta = "θ", iota = "ι", kappa = "κ", lambda = "λ", mu = "μ", nu = "ν", xi = "ξ", omicron = "ο", pi = "π",
  rho = "ρ", sigma = "σ", tau = "τ", upsilon = "υ", phi = "φ", varphi = "φ", chi = "χ", psi = "ψ",
  omega = "ω", Gamma = "Γ", Delta = "Δ", Theta = "Θ", Lambda = "Λ", Xi = "Ξ", Pi = "Π", Sigma = "Σ",
  Phi = "Φ", Psi = "Ψ", Omega = "Ω", ell = "ℓ", infty = "∞", partial = "∂", nabla = "∇", pm = "±",
  times = "×", cdot = "·", le = "≤", leq = "≤", ge = "≥", geq = "≥", ne = "≠", neq = "≠", approx = "≈",
  sim = "∼", propto = "∝", ["in"] = "∈", to = "→", rightarrow = "→", leftarrow = "←", sum = "∑",
  prod = "∏", int = "∫", sqrt = "√", forall = "∀", exists = "∃", circ = "∘", ldots = "…", dots = "…",
  prime = "′", max = "max", min = "min", log = "log", exp = "exp", ["arg"] = "arg", quad = " ",
}

-- Commands whose group is set upright.
local upright = { mathrm = true, text = true, mathbf = true, operatorname = true }
-- What a backslash makes an ordinary sign, and spaces.
local escaped = { ["{"] = "{", ["}"] = "}", ["$"] = "$", ["%"] = "%", ["_"] = "_", ["&"] = "&", ["#"] = "#",
  ["|"] = "‖", [","] = " ", [";"] = " ", [":"] = " ", [" "] = " ", ["!"] = "" }

-- ---- Reading --------------------------------------------------------------------------------------

local parse

-- The group or the one sign at `at`: its tree and what comes behind it; nil where it is none.
local function argument(s, at, how)
  at = s:find("%S", at)
  if not at then return nil end
  if s:sub(at, at) == "{" then
    local group, behind = s:match("^(%b{})()", at)
    if not group then return nil end
    return parse(group:sub(2, -2), how), behind
  end
  local one = s:match("^\\%a+", at) or s:match("^\\.", at) or s:match("^[^%^_}\\][\x80-\xbf]*", at)
  if not one then return nil end
  return parse(one, how), at + #one
end

-- What the command at `at` stands for: a tree and what comes behind it; nil for what is not known.
local function command(s, at)
  local name, behind = s:match("^\\(%a+)()", at)
  if not name then
    local sign = escaped[s:sub(at + 1, at + 1)]
    return sign and { { text = sign } }, at + 2
  end
  if upright[name] then return argument(s, behind, "upright") end
  return signs[name] and { { text = signs[name] } }, behind
end

local function letter(s, at, how)
  local sign = s:match("^[%z\1-\x7f\xc2-\xf4][\x80-\xbf]*", at)
  if sign:find "^[{}]$" then return nil end
  if how == "upright" then return { { text = sign } }, at + #sign end
  local shown = sign == "-" and "−" or sign == "'" and "′" or sign:find "%s" and "" or sign
  return { { text = shown, italic = sign:find "^%a$" ~= nil } }, at + #sign
end

-- Two pieces of one kind become one.
local function append(tree, pieces)
  for _, piece in ipairs(pieces) do
    local last = tree[#tree]
    if piece.text and last and last.text and (last.italic or false) == (piece.italic or false) then
      last.text = last.text .. piece.text
    else
      tree[#tree + 1] = piece
    end
  end
end

-- What is set lower or higher.
local function shifted(s, at, how)
  local inner, behind = argument(s, at + 1, how)
  return inner and { { [s:sub(at, at) == "_" and "sub" or "sup"] = inner } }, behind
end

local readers = { ["_"] = shifted, ["^"] = shifted, ["{"] = argument, ["\\"] = command }

-- The tree of a formula, or nil where it is none.
function parse(s, how)
  local tree, at = {}, 1
  while at <= #s do
    local read = readers[s:sub(at, at)] or letter
    local pieces, behind = read(s, at, how)
    if not pieces then return nil end
    append(tree, pieces)
    at = behind
  end
  return tree
end

-- The formula between the dollar signs as a tree; nil for what is none: nothing in it, a space at its ends
-- (prices), an open group, a command that is not known.
function formula.tree(s)
  if s == "" or s:find "^%s" or s:find "%s$" or s:find "\n" then return nil end
  return parse(s)
end

-- ---- Writing ---------------------------------------------------------------------------------------

-- Small letters are four fifths of the others in gnuplot.
local SMALL = 0.8

-- In shares of the letters' size.
function formula.width(tree, heavy)
  local sum, i = 0, 1
  while i <= #tree do
    local piece, following = tree[i], tree[i + 1]
    if piece.text then
      for _, code in utf8.codes(piece.text) do sum = sum + width_of(code, heavy) end
    else
      local own = SMALL * formula.width(piece.sub or piece.sup, heavy)
      if following and not following.text and (piece.sub == nil) ~= (following.sub == nil) then
        own = math.max(own, SMALL * formula.width(following.sub or following.sup, heavy))
        i = i + 1
      end
      sum = sum + own
    end
    i = i + 1
  end
  return sum
end

-- In gnuplot's enhanced text; escape(s) makes its letters plain ones.
function formula.enhanced(tree, escape)
  local out = {}
  for i, piece in ipairs(tree) do
    local before, following = tree[i - 1], tree[i + 1]
    local small = piece.sub or piece.sup
    if piece.italic then
      out[i] = "{/:Italic " .. escape(piece.text) .. "}"
    elseif piece.text then
      out[i] = escape(piece.text)
    else
      -- of two the first takes no room
      local paired = following and not following.text and (piece.sub == nil) ~= (following.sub == nil)
        and not (before and not before.text)
      out[i] = (paired and "@" or "") .. (piece.sub and "_" or "^") .. "{"
        .. formula.enhanced(small, escape) .. "}"
    end
  end
  return table.concat(out)
end

-- The commands of signs; of two names that of the first. These have another one, or none.
local commands = {}
do
  local names = {}
  for name in pairs(signs) do names[#names + 1] = name end
  table.sort(names, function(a, b) return a > b end)
  for _, name in ipairs(names) do commands[signs[name]] = "\\" .. name end
  commands["√"], commands["′"], commands["ο"] = "\\surd", "{}^{\\prime}", "o"
  commands["−"], commands["‖"] = "-", "\\|"
end

-- The words or the sign at `at` in LaTeX's math, and what comes behind it.
local function latex_piece(text, at, escape)
  local word = text:match("^%a+", at)
  if word then return commands[word] or "\\mathrm{" .. word .. "}", at + #word end
  local sign = text:match("^[%z\1-\x7f\xc2-\xf4][\x80-\xbf]*", at)
  return commands[sign] or sign:find "^[%d%+=<>/%.,:;()%[%]|!%?%*]$" and sign
    or "\\mbox{" .. escape(sign) .. "}", at + #sign
end

-- A letter behind a command would be a part of its name.
local function join(out, piece)
  local last = out[#out]
  out[#out + 1] = (last and last:find "\\%a+$" and piece:find "^%a") and " " .. piece or piece
end

-- In LaTeX's math, without the dollar signs; escape(s) makes of what it has no word for a text. Two of a kind
-- at one letter are an error there: the second is set at nothing.
function formula.latex(tree, escape)
  local out, taken = {}, {}
  for _, piece in ipairs(tree) do
    if piece.italic then
      join(out, piece.text)
    elseif piece.text then
      local at = 1
      while at <= #piece.text do
        local words
        words, at = latex_piece(piece.text, at, escape)
        join(out, words)
      end
    else
      local sign = piece.sub and "_" or "^"
      if taken[sign] then out[#out + 1], taken = "{}", {} end
      taken[sign] = true
      out[#out + 1] = sign .. "{" .. formula.latex(piece.sub or piece.sup, escape) .. "}"
    end
    if piece.text then taken = {} end
  end
  return table.concat(out)
end

local raised = { ["0"] = "⁰", ["1"] = "¹", ["2"] = "²", ["3"] = "³", ["4"] = "⁴", ["5"] = "⁵", ["6"] = "⁶",
  ["7"] = "⁷", ["8"] = "⁸", ["9"] = "⁹", ["+"] = "⁺", ["−"] = "⁻", ["("] = "⁽", [")"] = "⁾", n = "ⁿ",
  i = "ⁱ", ["′"] = "′", T = "ᵀ" }
local lowered = { ["0"] = "₀", ["1"] = "₁", ["2"] = "₂", ["3"] = "₃", ["4"] = "₄", ["5"] = "₅", ["6"] = "₆",
  ["7"] = "₇", ["8"] = "₈", ["9"] = "₉", ["+"] = "₊", ["−"] = "₋", ["("] = "₍", [")"] = "₎", a = "ₐ",
  e = "ₑ", i = "ᵢ", j = "ⱼ", k = "ₖ", l = "ₗ", m = "ₘ", n = "ₙ", o = "ₒ", p = "ₚ", r = "ᵣ", s = "ₛ",
  t = "ₜ", u = "ᵤ", v = "ᵥ", x = "ₓ" }

-- In plain Unicode: "ε₂", "10⁻³"; letters that have no small form stay behind their sign: "x_adv".
function formula.plain(tree)
  local out = {}
  for i, piece in ipairs(tree) do
    if piece.text then
      out[i] = piece.text
    else
      local inner, small = formula.plain(piece.sub or piece.sup), {}
      for _, code in utf8.codes(inner) do
        small[#small + 1] = (piece.sub and lowered or raised)[utf8.char(code)]
      end
      out[i] = #small == utf8.len(inner) and table.concat(small) or (piece.sub and "_" or "^") .. inner
    end
  end
  return table.concat(out)
end

return formula
