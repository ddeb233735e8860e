-- Habits of other languages: what somebody meant who wrote Python, MATLAB or C where Lua is spoken. Each row
-- has the `wrong` text, for the tests, and what is said of it behind Lua's own message. A row is taken if all
-- of its conditions hold: `near` is one of the tokens that the message complains of, `message` a pattern for
-- it, `line` a pattern (or several) for the line it is about, or with `above` for the one before, strings and
-- comments blanked. %1 and %2 in what is said stand for what was captured.

local habits = {}

---------------------------------------------------------------------------------------------------
-- What cannot be loaded

local parentheses = "Lua calls with parentheses: %1(…)"
local imports = "nothing has to be imported: arrays are in `array`, networks in `nn`, pictures in `plot`"
local increments = "Lua has no %2=; write %1 = %1 %2 …"

--- Rows in the order in which they are asked.
habits.syntax = {
  { wrong = "if x != y then end", near = "!", line = "!=", says = "Lua writes ~= for !=" },
  { wrong = "!ls", near = "!", line = "^%s*!%s*%a", says = "os.execute \"…\" runs a program" },
  { wrong = "y = !x", near = "!", line = "!", says = "Lua writes not for !" },
  { wrong = "x++", near = "+", line = "%+%+", says = "Lua has no ++; write x = x + 1" },
  { wrong = "x += 1", near = "+ - * / // % ^ | & ..", line = "([%a_][%w_.]*)%s*([-+*/%%^|&.]+)=[^=]",
    says = increments },
  { wrong = "y = x ** 2", near = "*", line = "%*%*", says = "Lua writes ^ for **" },
  { wrong = "y = a .* b", near = "* / ^", line = "%.[*/^]",
    says = "*, / and ^ of arrays go element by element as they are" },
  { wrong = "if a && b then end", near = "&", line = "&&", says = "Lua writes and for &&" },
  { wrong = "if a || b then end", near = "|", line = "||", says = "Lua writes or for ||" },
  { wrong = "y = x?.y", near = "?", line = "%?%.", says = "Lua writes x and x.y for x?.y" },
  { wrong = "??theme", near = "?", line = { "^%s*%?", "^%s*[%a_][%w_.:]*%?%s*$" },
    says = "questions by ? are asked at the prompt; help \"name\" and help \"??words\" ask anywhere" },
  { wrong = "y = a ? b : c", near = "?", line = "%?", says = "Lua writes a and b or c for a ? b : c" },
  { wrong = "y = a @ b", near = "@", line = "@", says = "array.matmul(a, b) multiplies matrices" },
  { wrong = "y = x'", message = "unfinished string", line = "[%w_%])]'", says = "x.T is the transpose" },
  { wrong = "n = 1_000", message = "malformed number", line = "%d_%d",
    says = "Lua's numbers have no _ in them" },
  { wrong = "s = \"\"\"text\"\"\"", line = "\"\"\"", says = "long texts stand between [[ and ]]" },

  { wrong = "for i = 1:10 do end", near = ":", line = "^%s*for%s+[%a_][%w_]*%s*=%s*[^,]*:",
    says = "Lua counts by for i = 1, 10 do … end" },
  { wrong = "for i in range(10):", above = true, line = "^%s*for%f[%W].*%f[%w]range%s*%(",
    says = "Lua counts by for i = 1, 10 do … end" },
  { wrong = "for i in [1, 2]: print(i)", message = "near '%['", line = "^%s*for%f[%W].*%f[%w]in%s*%[",
    says = "for i, x in ipairs { 1, 2 } do … end goes over a list" },
  { wrong = "x = 1:10", near = ":", line = "=%s*%-?%d[%d.]*%s*:%s*%-?[%w_]",
    says = "Lua counts by for i = 1, 10 do … end; array.arange(1, 11) makes an array" },
  { wrong = "for i, x in pairs(t):", above = true, line = "^%s*for%f[%W].*:%s*$",
    says = "Lua writes for … do … end" },
  { wrong = "while x:", above = true, line = "^%s*while%f[%W].*:%s*$", says = "Lua writes while … do … end" },
  { wrong = "y = a if b else c", message = "'then' expected near 'else'", line = "%sif%s.*%selse%s",
    says = "Lua writes b and a or c for a if b else c" },
  { wrong = "if x == 3:", above = true, message = "'then' expected",
    line = { "^%s*if%f[%W].*:%s*$", "^%s*if%f[%W].*:%s",
    "^%s*elseif%f[%W].*:%s*$" }, says = "Lua writes if … then … end" },
  { wrong = "if x then y()\nelif z then y() end", line = "%f[%w_.:](els?if)%f[^%w_]%s+[^=]",
    says = "Lua writes elseif for %1" },
  { wrong = "if x then y()\nelse: z() end", near = ": else", line = "^%s*else%s*:",
    says = "a block of Lua's has no colon: else … end" },
  { wrong = "if x then y()\nelse if z then y()\nend",
    message = "'end' expected.*near <eof>", anywhere = "else +if%f[%W]",
    says = "elseif is one word; else if begins another if, with an end of its own" },
  { wrong = "if x = 1 then end", near = "=",
    message = { "'then' expected", "'do' expected", "'%)' expected" },
    line = { "^%s*if%f[%W]", "^%s*elseif%f[%W]", "^%s*while%f[%W]" },
    says = "== compares, = sets a variable" },
  { wrong = "if a in b then end", near = "in", line = { "^%s*if%f[%W]", "^%s*while%f[%W]" },
    says = "Lua looks for a key by t[key] ~= nil, and for a value by a loop" },
  { wrong = "if x is None then end", line = "%f[%w]is%s+N?n?o[nt]e?%f[%W]",
    says = "Lua writes x == nil, and x ~= nil for is not None" },

  { wrong = "function f(x=1) end", near = "=", line = "%f[%w]function%f[%W][^(]*%([^)]*=",
    says = "a default is set within the function: x = x or 1" },
  { wrong = "y = f(x, k=2)", message = "'%)' expected near '='", line = "[%w_]%s*%(.-([%a_][%w_]*)%s*=[^=]",
    says = "options go by name in a table: f { %1 = … }, or f(x, { %1 = … })" },
  { wrong = "x = array.zeros((3, 4))", message = "'%)' expected near ','", line = "[=(,]%s*%([^()]*,",
    says = "Lua has no tuples; a shape or a list is { 3, 4 }" },
  { wrong = "y = x[i, 2]", message = "'%]' expected near ','", line = "([%a_][%w_.]*)%[[^%[%]]*,",
    says = "an element of an array is %1:at(1, 2), a part of it %1:slice({1, 5}, 2)" },
  { wrong = "y = x[1:5]", near = ": :: ] ,", line = "([%a_][%w_.]*)%[[^%[%]]*:[^%[%]]*%]",
    says = "a part of an array is %1:slice({1, 5}), of a string %1:sub(1, 5)" },
  { wrong = "t = { \"a\": 1 }", near = ":", line = "{[^{}]*:",
    says = "a table's keys are written { a = 1, [2] = 3 }" },
  { wrong = "A = [1 2; 3 4]", message = "unexpected symbol near '%['",
    line = { "%[[^%]]*;", "%[%s*%-?%d[%d.]*%s+%-?%d" },
    says = "array.new { { 1, 2 }, { 3, 4 } } makes a matrix" },
  { wrong = "x = [1, 2]", message = "unexpected symbol near '%['", line = "%[",
    says = "Lua's lists have braces: { 1, 2 }; array.new { 1, 2 } is an array" },
  { wrong = "= 5", near = "=", line = "^%s*=%s*[^=%s]",
    says = "a value stands alone at the prompt, and is printed" },
  { wrong = "x = y = 3", near = "=", line = "^%s*[%a_][%w_.]*%s*=%s*[%a_][%w_.]*%s*=[^=]",
    says = "Lua sets several variables by x, y = 3, 3" },

  { wrong = "f = lambda x: x + 1", line = "%f[%w]lambda%f[%W][^:]*:",
    says = "Lua writes function(x) return … end" },
  { wrong = "f = (x) => x + 1", near = "= >", line = "=>", says = "Lua writes function(x) return … end" },
  { wrong = "function f() { return 1 }", near = "{ return }", line = "%f[%w]function%f[%W].*%)%s*{",
    says = "a block of Lua's has no braces: function f() … end" },
  { wrong = "def f(x):", line = "^%s*def%s+[%a_]", says = "Lua writes function f(x) … end" },
  { wrong = "import numpy as np", line = { "^%s*import%s+[%a_]", "^%s*from%s+[%w_.]+%s+import%f[%W]" },
    says = imports },
  { wrong = "class A(B):", line = "^%s*class%s+[%a_]",
    says = "Lua makes classes of tables and setmetatable" },
  { wrong = "try:\n  x = 1", above = true, line = "^%s*try%s*[:{]", says = "pcall(f) calls what may fail" },
  { wrong = "with open(name) as f:", line = "^%s*with%s+[%a_]",
    says = "local f <close> = io.open(name) is closed where its block ends" },
  { wrong = "for i = 1, 3 do\ncontinue\nend", above = true, line = "^%s*continue%s*;?%s*$",
    says = "Lua has no continue; goto continue jumps to a label ::continue:: at the loop's end" },
  { wrong = "if x then\npass\nend", above = true, line = "^%s*pass%s*$",
    says = "an empty block of Lua's needs no word" },
  { wrong = "del x", above = true, line = "^%s*del%s+[%a_]", says = "x = nil takes a variable away" },
  { wrong = "raise ValueError", above = true, line = { "^%s*raise%f[%W]", "^%s*throw%f[%W]" },
    says = "error(message) raises one" },
  { wrong = "let x = 1", line = { "^%s*(let)%s+[%a_]", "^%s*(var)%s+[%a_]", "^%s*(const)%s+[%a_]" },
    says = "Lua writes local for %1" },
  { wrong = "print x", line = { "^%s*(print)%s+[%w_]", "^%s*(show)%s+[%w_]", "^%s*(help)%s+[%w_]",
    "^%s*(assert)%s+[%w_]", "^%s*(disp)%s+[%w_]", "^%s*(require)%s+[%w_]", "^%s*(save)%s+[%w_]",
    "^%s*(restore)%s+[%w_]", "^%s*(reload)%s+[%w_]", "^%s*(time)%s+[%w_]", "^%s*(bench)%s+[%w_]" },
    says = parentheses },
  { wrong = "x = \"$\\epsilon_2$\"", message = "invalid escape sequence near '[\"'].-%$.*\\%a", line = "",
    says = "a formula's backslashes stand for themselves in [[$\\epsilon$]]" },
  { wrong = "% a comment", near = "%", line = "^%s*%%%s", says = "comments begin with --" },
  { wrong = "%timeit f()", line = "^%s*%%%a+%s+[%a_]", says = "time(f) and bench(f) measure a function" },

  { wrong = "x = 5 # five", near = "#", line = { "^%s*#", "%s#%s" }, says = "comments begin with --" },
  { wrong = "// a comment", above = true, line = "^%s*//", says = "comments begin with --; // divides" },
  { wrong = "/* a comment */", near = "/ *", line = "^%s*/%*",
    says = "comments begin with --, or stand in --[[ ]]" },
  { wrong = "x = 5 // the value", above = true, line = "//%s+%a+%s+%a[%a%s]*$",
    says = "comments begin with --; // divides" },
}

---------------------------------------------------------------------------------------------------
-- What fails when it runs

local calls = "a model is asked by its methods: %1:predict(x), %1:scores(x)"
local own_options = {}
for name in ("iterates max_iter eta norm restarts objective step early_stop lower upper"):gmatch "%S+" do
  own_options[#own_options + 1] = ("unknown option '(%s)'.*%%(valid: y, target"):format(name)
end
local of_arrays = {}
for name in ("abs ceil cos exp floor log sin sqrt tan"):gmatch "%S+" do
  of_arrays[#of_arrays + 1] = ("to '[math.]-(%s)' %%(number expected, got perigee%%.array%%)"):format(name)
end
local lists = "a list grows by t[#t + 1] = x, or table.insert(t, x)"

--- As above; %1 … come from the message's pattern first.
habits.errors = {
  { wrong = "local net = nn.new { input = { 1, 2, 2 }, nn.flatten {} } net(1)",
    message = "attempt to call a perigee%.%a+ value %(%a+ '([%w_]+)'%)",
    kinds = "net svm nr dnr layer pipeline knn",
    says = calls },
  { wrong = "local pgd = attack.pgd {} pgd(1)",
    message = "attempt to call a perigee%.%a+ value %(%a+ '([%w_]+)'%)",
    kinds = "attack ensemble", says = "an attack is run by %1:run(x)" },
  { wrong = "local x = array.zeros(3) x:shape()",
    message = "attempt to call a [%w_.]+ value %(method '([%w_]+)'%)",
    unless = "a nil value", says = "'%1' is no method but a value: write .%1 without parentheses" },
  { wrong = "local x = array.zeros(3) x.size()",
    message = "attempt to call a [%w_.]+ value %(field '([%w_]+)'%)",
    unless = "a nil value", says = "'%1' is no function but a value: write it without parentheses" },
  { wrong = "for x in array.zeros(3) do end", message = "attempt to call a [%w_.]+ value %(for iterator",
    unless = "a nil value",
    says = "for i, x in ipairs(…) do goes over a list or an array, pairs(…) over a table" },
  { wrong = "for k, x in pairs(array.zeros(3)) do end",
    message = "'for iterator' %(table expected, got perigee%.",
    says = "for i, x in ipairs(…) do goes over an array or a dataset" },
  { wrong = "local d = data.digits(1) return d + d",
    message = "attempt to perform arithmetic on a perigee%.dataset",
    says = "its samples are an array, d:floats(), and d:concat(other) joins datasets" },
  { wrong = "return #nn.new { input = { 1, 2, 2 }, nn.flatten {} }", message = "get length of a perigee%.net",
    says = "#net.layers counts its layers" },
  { wrong = "local x = array.zeros(3) x(1)",
    message = "attempt to call a perigee%.%a+ value %(%a+ '([%w_]+)'%)",
    kinds = "array dataset attack_result", says = "positions stand in brackets: %1[1]" },
  { wrong = "local x = array.zeros(3) x.mean()", message = "%f[%w_]([%a_][%w_]*): .*expected .*got n",
    dotted = true,
    says = "call it with a colon: %2:%1(…)" },
  { wrong = "local s = 'a' s.upper()",
    message = "bad argument #1 to '([%w_]+)' %(%a+ expected, got no value%)",
    dotted = true, says = "call it with a colon: %2:%1(…)" },
  { wrong = "local x = array.zeros(6) x.reshape(3, 2)", message = "%f[%w_]([%a_][%w_]*): ", dotted = true,
    unless = "dot instead of a colon", says = "call it with a colon: %2:%1(…)" },
  { wrong = "array.new([[1, 2], [3, 4]])", message = "got the string \"%-?%d[%d%s.,+-]*%],",
    says = "[[…]] is a string of Lua's; array.new { { 1, 2 }, { 3, 4 } } makes an array" },
  { wrong = "local s = '%d' % 3", message = "attempt to mod a 'string'",
    says = "(\"%d\"):format(3) fills in a format" },
  { wrong = "local s = 'a' + 'b'",
    message = { "attempt to add a 'string'", "attempt to add a '%a+' with a 'string'" },
    says = "Lua joins strings by .." },
  { wrong = "local t = { shape = {} } return t.shape[0] + 1",
    message = { "nil value %(field 'integer index'%)", "nil value %(field '%?'%)" }, line = "%[0%]",
    says = "positions begin at 1" },
  { wrong = "return math.exp(array.zeros(3))", message = of_arrays,
    says = "Lua's math takes numbers; of an array, a traced scalar too, it is x:%1()" },
  { wrong = "return ('%g'):format(array.zeros(1))", message = "number expected, got perigee%.array%)",
    says = "the number in an array of one element, a traced scalar too, is x:item()" },
  { wrong = "return array.zeros(3) & array.zeros(3)", message = "bitwise operation on a perigee%.array",
    says = "masks are joined by a:logical_and(b) and a:logical_or(b), and turned round by a:logical_not()" },
  { wrong = "return array.zeros(3) .. '!'", message = "attempt to concatenate a perigee%.",
    says = "tostring(x) is its text" },
  { wrong = "return # five", message = "global '[%w_]+' is not set", line = { "^%s*#%s", "^%s*return #%s" },
    says = "comments begin with --" },
  { wrong = "print(f\"{x}\")", message = "global 'f' is not set", line = "%f[%w_]f[\"']",
    says = "Lua fills in texts by (\"%d of %s\"):format(a, b)" },
  { wrong = "print(r\"a\")", message = "global 'r' is not set", line = "%f[%w_]r[\"']",
    says = "backslashes stand for themselves in [[…]]" },
  { wrong = "attack.pgd(nn.new { input = { 1, 2, 2 }, nn.flatten {} })",
    message = "options: expected a table, got a", line = "([%a_][%w_.]*)%s*%(",
    says = "options go by name: %1 { model = … }" },
  { wrong = "local function where(f) f { d = array.zeros(1) } end where(function(s) return s.d > 0.5 end)",
    message = "arrays are compared by methods", line = "where%s*%(%s*function%s*%(%s*([%a_][%w_]*)",
    says = "%1 is a result of one sample, its values lists of one: %1.distance[1] > 0.5" },
  { wrong = "attack.pgd({}):run(array.zeros(1, 2), { iterates = true })",
    message = own_options,
    says = "options of the attack itself go to it: attack.pgd { %1 = … }, or a:with { %1 = … }" },
  { wrong = "plot.activations(nn.new { input = { 1, 2, 2 }, nn.flatten {} }, array.zeros(4), {})",
    message = { "(plot%.reject): expected at most 2 arguments", "(plot%.activations): expected at most 2 arg",
    "(plot%.decision): expected at most 2 arguments", "(plot%.scores): expected at most 2 arguments" },
    says = "the samples are an option: %1(model, { data = samples })" },
  { wrong = "local t = {} t.append(3)", message = { "nil value %(%a+ 'append'%)", "nil value %(%a+ 'push'%)",
    "nil value %(%a+ 'extend'%)" }, says = lists },
  { wrong = "local t = {} for k in t.items() do end", message = { "nil value %(%a+ 'items'%)",
    "nil value %(%a+ 'keys'%)", "nil value %(%a+ 'values'%)" },
    says = "for key, value in pairs(t) do … end goes over a table" },
  { wrong = "local s = 'a b' s:split(' ')", message = "nil value %(%a+ 'split'%)",
    says = "for word in s:gmatch \"%S+\" do … end goes over its words" },
  { wrong = "local s = ' a' s:strip()", message = { "nil value %(%a+ 'strip'%)", "nil value %(%a+ 'trim'%)" },
    says = "s:match \"^%s*(.-)%s*$\" takes the blanks away" },
  { wrong = "local s = ',' s:join({})", message = "nil value %(%a+ 'join'%)",
    says = "table.concat(t, \", \") joins strings" },
  { wrong = "local s = 'a' s:replace('a', 'b')", message = "nil value %(%a+ 'replace'%)",
    says = "s:gsub(\"a\", \"b\") replaces" },
  { wrong = "local s = 'a' s:startswith('a')", message = { "nil value %(%a+ 'startswith'%)",
    "nil value %(%a+ 'endswith'%)" }, says = "s:find \"^a\" and s:find \"a$\" tell how it begins and ends" },
  { wrong = "require 'numpy'",
    message = { "^module 'numpy", "^module 'torch", "^module 'scipy", "^module 'sklearn",
    "^module 'matplotlib", "^module 'foolbox", "^module 'art'" }, says = imports },
}

---------------------------------------------------------------------------------------------------
-- What is Lua, but not what was meant: pointed out at the prompt

habits.notes = {
  { wrong = "not x == y", line = "%f[%w]not%s+[%a_][%w_.]*%s*==",
    says = "not x == y is (not x) == y; Lua writes x ~= y" },
  { wrong = "x:gt(0) and x:lt(1)", line = ":[egln][eqt]%b()%s+(and)%s",
    says = "`and` gives one of two masks whole; "
    .. "a:logical_and(b) joins them" },
  { wrong = "x:gt(0) or x:lt(1)", line = ":[egln][eqt]%b()%s+(or)%s",
    says = "`or` gives one of two masks whole; "
    .. "a:logical_or(b) joins them" },
  { wrong = "f.xlabel = \"$\\theta$\"", says = "\\t, \\n, \\b … are single signs in quotes: [[$\\theta$]]",
    text = "[\"'][^\"'\n]*%$[^\"'\n$\\]*\\[abfnrtv]%l[^\"'\n$]*%$" },
  { wrong = "x.shape[0]", line = "%.shape%[0%]", says = "positions begin at 1: x.shape[1]" },
  { wrong = "x = [[1, 2], [3, 4]]", text = "%[%[%s*%-?%d[%d%s.,e+-]*%]%s*,[%d%s.,e%[%]+-]*%]%]",
    says = "[[1, 2], [3, 4]] is a string of Lua's; array.new { { 1, 2 }, { 3, 4 } } makes an array" },
}

---------------------------------------------------------------------------------------------------
-- Names

local numpy = "NumPy's names are in `array`: array.zeros(3)"
local torch = "networks are in `nn`, their arrays in `array`"
local figures = "figures are in `plot`: plot.figure()"

--- What is said of globals that nobody set.
habits.globals = {
  None = "Lua writes nil", null = "Lua writes nil", NULL = "Lua writes nil", undefined = "Lua writes nil",
  True = "Lua writes true", False = "Lua writes false", NaN = "0 / 0 is not a number",
  nan = "0 / 0 is not a number",
  inf = "math.huge is infinity", Inf = "math.huge is infinity", pi = "math.pi is π",
  len = "#x is the length", length = "#x is the length",
  size = "x.size and x.shape are an array's, #x a list's length",
  range = "for i = 1, 10 do … end counts, array.arange(10) makes an array",
  enumerate = "ipairs(x) gives positions and values",
  zip = "for i = 1, #a do … end goes over two lists at once",
  abs = "math.abs(x) of a number, x:abs() of an array",
  max = "math.max(a, b) of numbers, x:max() of an array",
  min = "math.min(a, b) of numbers, x:min() of an array", sum = "x:sum() of an array",
  sqrt = "math.sqrt(x) of a number, x:sqrt() of an array",
  exp = "math.exp(x) of a number, x:exp() of an array",
  round = "math.floor(x + 0.5) of a number, x:round() of an array",
  int = "math.tointeger(x) or x // 1 makes an integer", float = "tonumber(x) makes a number",
  str = "tostring(x) makes a string", list = "a list is { 1, 2 }", dict = "a table is { key = value }",
  isinstance = "type(x) tells what it is", input = "io.read() reads a line",
  open = "io.open(name) opens a file",
  disp = "print(x) prints", printf = "print((\"%d\"):format(x)) prints by a format",
  sprintf = "(\"%d\"):format(x) fills in a format", fprintf = "print((\"%d\"):format(x)) prints by a format",
  exit = "os.exit() ends the program", quit = "os.exit() ends the program",
  sys = "os.exit() ends the program, and "
    .. "the arguments are in arg", whos = "who() lists your variables", dir = "?name tells what it has",
  clear = "name = nil takes a variable away", clc = "Ctrl-L clears the screen",
  ls = "perigee.files \".\" lists a folder",
  np = numpy, numpy = numpy, jnp = numpy, torch = torch, tf = torch, keras = torch, jax = torch, F = torch,
  plt = figures, matplotlib = figures, sns = figures, pd = "CSV files and datasets are in `data`",
  sklearn = "SVMs are in `svm`, measures in `metrics`", foolbox = "attacks are in `attack`",
  fb = "attacks are in `attack`", art = "attacks are in `attack`", cleverhans = "attacks are in `attack`",
  this = "a method's object is self",
}

---------------------------------------------------------------------------------------------------
-- Looking

-- The text with blanks for what stands in strings and comments; every line stays where it is.
local function code_of(text)
  local out, at = {}, 1
  local function blank(from, to)
    out[#out + 1] = text:sub(from, to):gsub("[^\n]", " ")
  end
  while at <= #text do
    local level = text:match("^%-%-%[(=*)%[", at) or text:match("^%[(=*)%[", at)
    local quote = text:match("^[\"']", at)
    local stop
    if level then
      stop = select(2, text:find("]" .. level .. "]", at, true)) or #text
      local open = text:match("^%[%[", at) or ""
      out[#out + 1] = open
      blank(at + #open, stop)
    elseif text:find("^%-%-", at) then
      stop = (text:find("\n", at, true) or #text + 1) - 1
      blank(at, stop)
    elseif quote then
      stop = at + 1
      while stop <= #text and not text:find("^[" .. quote .. "\n]", stop) do
        stop = stop + (text:find("^\\.", stop) and 2 or 1)
      end
      out[#out + 1] = quote
      blank(at + 1, stop - 1)
      if text:sub(stop, stop) == quote then out[#out + 1] = quote else stop = stop - 1 end
    else
      stop = at
      out[#out + 1] = text:sub(at, at)
    end
    at = stop + 1
  end
  return table.concat(out)
end

-- What the pattern (or one of several) captures, as a list; nil if none is found.
local function captured(text, patterns)
  for _, pattern in ipairs(type(patterns) == "table" and patterns or { patterns }) do
    local found = table.pack(text:match(pattern))
    if found[1] then return found end
  end
end

local function is_among(word, words)
  for one in words:gmatch("%S+") do
    if one == word then return true end
  end
  return false
end

local function filled(says, found)
  return (says:gsub("%%(%d)", function(i) return found[tonumber(i)] end))
end

-- Line n of the code, and the last one above it with code in it.
local function lines_about(code, n)
  local above, current, i = nil, nil, 0
  for line in (code .. "\n"):gmatch("(.-)\n") do
    i = i + 1
    if i == n then
      current = line
      break
    end
    if line:find("%S") then above = line end
  end
  return current or above or "", above
end

local function fits_syntax(row, message, near, line)
  if row.anywhere or not line then return nil end
  if row.near and not is_among(near, row.near) then return nil end
  if row.message and not captured(message, row.message) then return nil end
  return captured(line, row.line)
end

-- What is said of a line that is a name and nothing else.
local function of_name_alone(complaint, ...)
  if not captured(complaint, { "^syntax error near <eof>$", "^syntax error near '[%a_]" }) then return nil end
  for _, line in ipairs { ... } do
    local name = line:match "^%s*([%a_][%w_]*)%s*;?%s*$"
    if name then
      return habits.globals[name] or ("a name alone says nothing here; print(%s) shows it"):format(name)
    end
  end
end

--- The complaint about a text that cannot be loaded, and what was probably meant.
function habits.of_text(message, text)
  local number, complaint = message:match(":(%d+): (.*)$")
  if not number then return message end
  local code = code_of(text)
  local near = complaint:match("near '(.*)'$") or complaint:match("near (<eof>)$") or ""
  local line, above = lines_about(code, tonumber(number))
  for _, row in ipairs(habits.syntax) do
    local found = row.anywhere and complaint:find(row.message) and captured(code, row.anywhere)
      or fits_syntax(row, complaint, near, line)
      or row.above and fits_syntax(row, complaint, near, above)
    if found then return ("%s; %s"):format(message, filled(row.says, found)) end
  end
  local alone = of_name_alone(complaint, line, above)
  return alone and ("%s; %s"):format(message, alone) or message
end

-- The text of a chunk, by its source as debug.getinfo gives it.
local function text_of(source)
  local texts = debug.getregistry()["perigee.texts"]
  local kept = type(texts) == "table" and rawget(texts, source)
  if kept then return kept end
  local file = source:sub(1, 1) == "@" and io.open(source:sub(2), "r")
  if not file then return source:find("^[=@]") and "" or source end
  local text = file:read("a")
  file:close()
  return text or ""
end

--- The line of code at which a function runs, as debug.getinfo(…, "Sl") has it, strings and comments blanked.
function habits.line_of(about)
  return (lines_about(code_of(text_of(about.source)), about.currentline))
end

-- The variables that the function at this level sees by name, globals left out.
local function variables_at(level)
  local values, f = {}, debug.getinfo(level + 1, "f").func
  local i = 1
  repeat
    local name, value = debug.getupvalue(f, i)
    if name then values[name] = value end
    i = i + 1
  until not name
  i = 1
  repeat
    local name, value = debug.getlocal(level + 1, i)
    if name then values[name] = value end
    i = i + 1
  until not name
  return values
end

local FRAMES = 1000 -- where the message's place is looked for: Lua counts to each from the innermost one

-- Of the place that a message begins with ("file.lua:3: …"), while it runs: the line of code, the variables
-- there, and the rest of the message.
local function running(message)
  for level = 3, message:find "^[^\n]-:%d+: " and FRAMES or 0 do
    local about = debug.getinfo(level, "Sl")
    if not about then break end
    local place = ("%s:%d: "):format(about.short_src, about.currentline)
    if message:sub(1, #place) == place then
      return habits.line_of(about), variables_at(level), message:sub(#place + 1)
    end
  end
  return "", {}, message
end

-- The variable, an object of ours or a string, of which the line calls the function with a dot: x in x.mean()
local function dotted(line, name, variables)
  for owner in line:gmatch("([%a_][%w_]*)%." .. name .. "%s*[%({\"']") do
    local value = variables[owner]
    if value == nil then value = rawget(_G, owner) end
    if type(value) == "userdata" or type(value) == "string" then return owner end
  end
end

local function fits_error(row, text, line, variables)
  local found = captured(text, row.message)
  if not found or row.unless and text:find(row.unless, 1, true) then return nil end
  if row.kinds and not is_among(text:match("perigee%.(%a+)"), row.kinds) then return nil end
  if row.dotted then
    found[2] = dotted(line, found[1], variables)
    return found[2] and found
  end
  return not row.line and found or captured(line, row.line)
end

--- A message of an error that nobody caught, while what raised it still runs, and what was probably meant.
function habits.of_error(message)
  local line, variables, text = running(message)
  for _, row in ipairs(habits.errors) do
    local found = fits_error(row, text, line, variables)
    if found then return ("%s; %s"):format(message, filled(row.says, found)) end
  end
  return message
end

-- A method of a global's that is called with a dot, and not on itself.
local function dotted_call(code)
  for owner, method, first in code:gmatch("%f[%w_.]([%a_][%w_]*)%.([%a_][%w_]*)%s*%(%s*([%w_]*)") do
    local value = rawget(_G, owner)
    local meta = type(value) == "userdata" and debug.getmetatable(value)
    local methods = type(meta) == "table" and rawget(meta, "methods")
    if type(methods) == "table" and methods[method] and first ~= owner then
      local words = "%s.%s(…) is not told of %s; call it with a colon: %s:%s(…)"
      return words:format(owner, method, owner, owner, method)
    end
  end
end

--- What is worth a word about a line that has run, or nil.
function habits.of_line(text)
  local code = code_of(text)
  for _, row in ipairs(habits.notes) do
    local at = row.text and text:find(row.text)
    if row.line and code:find(row.line) or at and code:find("^[%[\"'][%[ ]", at) then return row.says end
  end
  return dotted_call(code)
end

return habits
