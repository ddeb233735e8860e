-- Documentation of the library array; see perigee/help.lua for the form.

local entries = {}

local group -- the heading of what is added next

local function put(entry)
  entry.group, group = group, nil
  entries[#entries + 1] = entry
end

local function add(entry)
  entry.name = "array." .. entry.name
  put(entry)
end

local x = { "x", "array|table|number", "an array, or what array.new makes one of" }
local operand = { "y", "array|table|number", "broadcast against x" }
local axis = { "axis", "integer|integer[]?",
  "one axis or a list of axes, from 1, or from -1 at the end; all without it" }
local sizes = { "sizes", "integer|integer[]…", "the shape: (2, 3) or { 2, 3 }" }
local dtype = '"f32"|"f64"|"i32"|"u8"|"float32"|"float64"|"int32"|"uint8"'

---------------------------------------------------------------------------------------------------

group = "Creation"

add {
  name = "new",
  text = [[
An array from a number, a (nested) table of numbers, or another array, which is copied. A table may
hold arrays, and true and false for 1 and 0. A ragged table is an error that says where.]],
  params = { { "values", "table|number|array", "the elements" } },
  options = { { "dtype", dtype, '"f32"', "the type (an array's own where that is given)" } },
  returns = { "array", "the new array" },
  example = [[
local a = array.new { { 1, 2, 3 }, { 4, 5, 6 } }
print(a, a.shape[2], a.dtype)]],
  see = { "array.zeros", "array.totable", "array.astype" },
}

for _, pair in ipairs { { "zeros", "0" }, { "ones", "1" } } do
  local name, what = pair[1], pair[2]
  add {
    name = name, text = "An array of this shape, every element " .. what .. ".", params = { sizes },
    returns = { "array", "the new array" },
    example = ("print(array.%s(2, 3), array.%s { 4, dtype = 'i32' })"):format(name, name),
    see = { "array.full", "array.zeros_like" },
  }
  add {
    name = name .. "_like",
    text = "An array of x's shape and type, every element " .. what .. ".", params = { x },
    options = { { "dtype", dtype, "x's", "another type" } }, returns = { "array", "the new array" },
    example = ("print(array.%s_like { 1, 2 })"):format(name), see = { "array." .. name },
  }
end

add {
  name = "full", text = "An array with every element `value`.",
  params = { { "shape", "integer|integer[]", "the sizes" }, { "value", "number", "the element" } },
  returns = { "array", "the new array" },
  example = "print(array.full({ 2, 2 }, 0.5))", see = { "array.full_like", "array.fill" },
}
add {
  name = "full_like", text = "An array of x's shape and type with every element `value`.",
  params = { x, { "value", "number", "the element" } },
  options = { { "dtype", dtype, "x's", "another type" } }, returns = { "array", "the new array" },
  example = "print(array.full_like({ 1, 2 }, 7))", see = { "array.full" },
}
add {
  name = "eye", text = "Ones on a diagonal, zeros elsewhere: the identity matrix.",
  params = { { "rows", "integer", "rows" }, { "cols", "integer?", "columns; as many as rows without it" } },
  returns = { "array", "rows × cols" }, example = "print(array.eye(3))", see = { "array.zeros" },
}
add {
  name = "arange",
  text = "start, start + step, … before stop; arange(n) is 0 … n−1. int32 where all numbers are "
    .. "integers.",
  params = { { "start", "number", "the first; 0 where only stop is given" },
  { "stop", "number?", "not included" },
    { "step", "number?", "1 without it; may be negative" } },
  options = { { "dtype", dtype, "by the numbers", "the type" } },
  returns = { "array", "1-d" }, example = "print(array.arange(5), array.arange(1, 0, -0.25))",
  see = { "array.linspace" },
}
add {
  name = "linspace", text = "n numbers evenly spaced from start to stop, both included.",
  params = { { "start", "number", "the first" }, { "stop", "number", "the last" },
  { "n", "integer?", "50 without it" } },
  returns = { "array", "1-d" }, example = "print(array.linspace(0, 1, 5))",
  see = { "array.arange" },
}
add {
  name = "rand", text = "Uniform random numbers in [low, high).", params = { sizes },
  returns = { "array", "the new array" }, example = "print(array.rand(2, 3, { seed = 1 }))",
  see = { "array.randn", "array.randint" },
}
add {
  name = "randn", text = "Normal random numbers.", params = { sizes },
  returns = { "array", "the new array" }, example = "print(array.randn(4, { seed = 1 }))",
  see = { "array.rand" },
}
add {
  name = "randint", text = "Random integers low … high, both included as in math.random.",
  params = { { "low", "integer", "the least" }, { "high", "integer", "the greatest" }, sizes },
  returns = { "array", "int32" },
  example = "print(array.randint(1, 6, 10, { seed = 1 }))",
  see = { "array.randperm" },
}
add {
  name = "randperm", text = "1 … n in random order: positions for take.",
  params = { { "n", "integer", "how many" } }, returns = { "array", "n numbers, int32" },
  example = "print(array.randperm(5, { seed = 1 }))", see = { "array.take" },
}

---------------------------------------------------------------------------------------------------

add {
  name = "onehot", method = true,
  text = [[
A row for each label: 1 in the column of its class, else 0. `classes` is a list of labels, as d.classes and
net.classes are, or a number n for the labels 0 … n-1; a label that is none of them is an error. Positions
(argmax's) are labels from 1: array.arange(1, n + 1).]],
  params = { { "labels", "array|table|integer", "integers, of any shape" },
    { "classes", "table|array|integer", "the labels in the order of their columns, or how many" } },
  options = { { "dtype", dtype, '"f32"', "the type" } },
  returns = { "array", "the labels' shape and an axis of classes" },
  example = "print(array.onehot({ 9, 4, 9 }, { 4, 9 }), array.onehot(2, 3))",
  see = { "array.gather", "array.eq", "dataset.y" },
}
add {
  name = "diag", method = true,
  text = "Of a vector the matrix with it on the diagonal, of a matrix its diagonal, as a copy.",
  params = { x }, returns = { "array", "a matrix or a vector" },
  example = "print(array.diag { 1, 2 }, array.eye(3):diag())", see = { "array.eye" },
}
add {
  name = "frombytes",
  text = [[
The numbers that a string holds, one after the other, little-endian. i8, u16 and i16 become int32, and so do
u32 and i64 where they fit; f16 becomes float32.]],
  params = { { "bytes", "string", "their bytes" },
    { "dtype", '"f32"|"f64"|"i32"|"u8"|"i8"|"u16"|"i16"|"u32"|"i64"|"f16"', "how they are stored" },
    { "shape", "integer|integer[]?", "the sizes, which must make up all the bytes; 1-d without them" } },
  returns = { "array", "the new array" },
  example = 'print(array.frombytes("\\0\\127\\255\\1", "u8", { 2, 2 }))',
  see = { "array.tobytes", "data.npy" },
}

---------------------------------------------------------------------------------------------------

group = "Elements"

add {
  name = "at", method = true,
  text = [[
One element as a number. Indices count from 1, or from -1 at the end. For a 1-d array x[i] is the same; of
any other x[i] is row i as a view, and x[i] = values writes it.]],
  params = { x, { "indices", "integer…", "one for each axis" } },
  returns = { "number", "an integer for int32" },
  example = "local a = array.new { { 1, 2 }, { 3, 4 } }\nprint(a:at(2, -1), a[1][2])",
  see = { "array.set", "array.slice", "array.item" },
}
add {
  name = "set", method = true, text = "Writes one element.",
  params = { x, { "value", "number", "the element" }, { "indices", "integer…", "one for each axis" } },
  returns = { "array", "x itself" }, example = "print(array.zeros(2, 2):set(5, 1, 2))",
  see = { "array.at", "array.assign" },
}
add {
  name = "item", method = true, text = "The number in an array with a single element.", params = { x },
  returns = { "number", "it" }, example = "print(array.new({ { 3 } }):item())",
  see = { "array.at", "array.totable" },
}
add {
  name = "totable", method = true, text = "The elements as nested tables.", params = { x },
  returns = { "table", "one level for each axis; a number for a 0-d array" },
  example = "print(array.eye(2):totable()[1][1])", see = { "array.new" },
}
add {
  name = "tobytes", method = true, text = "The elements as bytes, row by row, little-endian.", params = { x },
  returns = { "string", "4 bytes an element, of float64 8" },
  example = "print(#array.zeros(2, 3):tobytes())", see = { "array.frombytes", "data.save_npy" },
}
add {
  name = "slice", method = true,
  text = [[
A view of a part: it shares x's memory, so writing to it (assign, fill, the methods that end in _) writes
to x; it is read-only where x is. A range { first, last, step } includes both ends, as string.sub does;
negative places count from the end, what lies outside is left out, { 1, 0 } is empty, { -1, 1, -1 } turns
an axis round. Up to three numbers in braces are always a range, also in x[{…}]; positions are an array,
x[array.new { 1, 3, 5 }]. nil takes all, a number one index, and its axis disappears.]],
  params = { x, { "ranges", "integer[]|integer|nil…", "one for each axis; missing ones take all" } },
  returns = { "array", "a view" },
  example = [[
local a = array.arange(12):reshape(3, 4)
print(a:slice({ 2, 3 }, { 1, 2 }), a:slice(nil, -1))
a:slice(nil, { 1, 4, 2 }):fill(0)
print(a)]],
  see = { "array.assign", "array.take", "array.at" },
}
add {
  name = "assign", method = true, text = "Writes values, broadcast and converted, into every element of x.",
  params = { x, { "values", "array|table|number", "what broadcasts to x's shape" } },
  returns = { "array", "x itself" },
  example = "local a = array.zeros(2, 3)\na:slice(nil, 2):assign { 7, 8 }\nprint(a)",
  see = { "array.slice", "array.fill" },
}
add {
  name = "fill", method = true, text = "Writes one number into every element.",
  params = { x, { "value", "number", "the element" } }, returns = { "array", "x itself" },
  example = "print(array.zeros(3):fill(2))", see = { "array.full" },
}
add {
  name = "take", method = true,
  text = "The sub-arrays at these positions of an axis, in that order, as a copy.",
  params = { x, { "positions", "array|table", "from 1, or from -1 at the end" },
  { "axis", "integer?", "1 without it" } },
  returns = { "array", "as long as positions along the axis" },
  example = "print(array.take({ 10, 20, 30 }, { 3, 1 }))",
  see = { "array.put", "array.compress", "array.argsort" },
}
add {
  name = "gather", method = true,
  text = [=[
One element for each place along the other axes: x:gather(columns, 2)[i] is x[i][columns[i]], a score for
each label's column, say. Positions of x's own number of axes, with any size along `axis`, answer with
their own shape, as PyTorch's gather and NumPy's take_along_axis: x:gather(x:argsort(2), 2) sorts rows.]=],
  params = { x, { "positions", "array|table", "from 1, or from -1 at the end" },
    { "axis", "integer?", "the last without it" } },
  returns = { "array", "of the positions' shape" },
  example = "local x = array.new { { 5, 6, 7 }, { 8, 9, 10 } }\nprint(x:gather({ 3, 1 }, 2), x:argmax(2))",
  see = { "array.take", "array.onehot", "array.argsort" },
}
add {
  name = "put", method = true, text = "Writes values to these positions of an axis.",
  params = { x, { "positions", "array|table", "from 1, or from -1 at the end" },
    { "values", "array|table|number", "what broadcasts to take's result" },
    { "axis", "integer?", "1 without it" } },
  returns = { "array", "x itself" }, example = "print(array.zeros(4):put({ 1, -1 }, 5))",
  see = { "array.take" },
}
add {
  name = "compress", method = true,
  text = [[
What a mask selects: of a mask with x's shape the elements, 1-d; of a 1-d mask the sub-arrays along an
axis.]],
  params = { x, { "mask", "array|table", "selects where it is not 0" },
  { "axis", "integer?", "1 for a 1-d mask" } },
  returns = { "array", "a copy" },
  example = "local a = array.new { 3, -1, 2 }\nprint(a:compress(a:gt(0)))",
  see = { "array.nonzero", "array.where" },
}
add {
  name = "nonzero", method = true,
  text = "The places of what is not 0: positions, or a row of indices for each.",
  params = { x }, returns = { "array", "int32: 1-d for a 1-d x, else count × ndim" },
  example = "print(array.nonzero { 0, 5, 7 })", see = { "array.compress", "array.take" },
}
add {
  name = "concatenate", text = "Arrays one after the other along an axis.",
  params = { { "arrays", "table", "a list; the other sizes must agree" },
  { "axis", "integer?", "1 without it" } },
  returns = { "array", "a copy" }, example = "print(array.concatenate { { 1, 2 }, { 3 } })",
  see = { "array.stack" },
}
add {
  name = "stack", text = "Arrays of one shape side by side along a new axis.",
  params = { { "arrays", "table", "a list" }, { "axis", "integer?", "the new axis's number; 1 without it" } },
  returns = { "array", "a copy" }, example = "print(array.stack({ { 1, 2 }, { 3, 4 } }, 2))",
  see = { "array.concatenate" },
}

---------------------------------------------------------------------------------------------------

group = "Shapes and types"

add {
  name = "reshape", method = true,
  text = "The same elements under another shape; one size may be -1. A view where the layout allows "
    .. "one, else a copy.",
  params = { x, sizes }, returns = { "array", "a view or a copy" },
  example = "print(array.arange(6):reshape(2, -1))", see = { "array.flatten", "array.transpose" },
}
add {
  name = "flatten", method = true, text = "reshape(x, -1).", params = { x }, returns = { "array", "1-d" },
  example = "print(array.eye(2):flatten())", see = { "array.reshape" },
}
add {
  name = "transpose", method = true,
  text = "A view with the axes in another order; reversed without them, as x.T.",
  params = { x, { "axes", "integer|integer[]…?", "axis d of the result is axis axes[d] of x" } },
  returns = { "array", "a view" },
  example = "print(array.zeros(2, 3, 4):transpose(3, 1, 2).shape[1])", see = { "array.reshape" },
}
add {
  name = "squeeze", method = true, text = "A view without axes of size 1.",
  params = { x, { "axis", "integer?", "only this one" } }, returns = { "array", "a view" },
  example = "print(array.zeros(1, 3):squeeze())", see = { "array.expand_dims" },
}
add {
  name = "expand_dims", method = true, text = "A view with a new axis of size 1.",
  params = { x, { "axis", "integer", "the new axis's number; -1 puts it last" } },
  returns = { "array", "a view" },
  example = "print(array.expand_dims({ 1, 2 }, 1))", see = { "array.squeeze" },
}
add {
  name = "broadcast_to", method = true, text = "x repeated to a shape, as a copy.", params = { x, sizes },
  returns = { "array", "a copy" }, example = "print(array.broadcast_to({ 1, 2 }, 2, 2))",
  see = { "array.reshape" },
}
add {
  name = "copy", method = true,
  text = [[
A contiguous copy, which can be written also where x is read-only.

An object hands out its arrays as read-only views: d.x, d.images and d.y of a dataset, sv, alpha and b of an
svm, all arrays of a result, those that are an attack's options. Views taken from them (x[i], slice,
reshape, transpose, …) are read-only too. x[i] = v, set, assign, fill, put and the methods that end in _
then raise: d:with{ x =, y = } makes a changed dataset. What an object is made of it copies, unless that is
read-only. Results of functions and methods, net:weights() too, are arrays of your own. Lists and tables
(r.verdict, d.classes, r.params) are copies: what you write in one changes nothing of the object.]],
  params = { x }, returns = { "array", "the copy" },
  example = [[
local d = data.digits(10, { seed = 1 })
local x = d.x:copy():clip_(0.1, 0.9)
print(d:with { x = x }.x:min(), d.x:min())]], see = { "array.astype", "dataset:with" },
}
add {
  name = "astype", method = true,
  text = [[
A copy of another type. What that does not hold is refused, a fraction in int32 and uint8 too: round
first.]],
  params = { x, { "dtype", dtype, "the type" } }, returns = { "array", "the copy" },
  example = "print(array.round({ 1.9, -1.9 }):astype('i32'))", see = { "numbers", "array.round" },
}

for _, field in ipairs {
  { "shape", "table", "the sizes, one for each axis" }, { "ndim", "integer", "how many axes" },
  { "size", "integer", "how many elements" }, { "dtype", "string", '"f32", "f64", "i32" or "u8"' },
  { "T", "array", "a view with the axes reversed" },
} do
  put {
    name = "array." .. field[1], kind = "field", text = "Of an array x: " .. field[3] .. ".",
    returns = { field[2], field[3] }, example = ("x = array.zeros(2, 3)\nprint(x.%s)"):format(field[1]),
  }
end

put {
  name = "numbers", kind = "value",
  text = [[
What numbers of different types make together: one rule for all functions and operators of arrays.

Constructors make float32 unless told (dtype =; arange of integers is told int32 by them). A function of
Lua's numbers and tables alone computes and answers in float64. float64 with anything makes float64;
float32 with a number, a table or int32 makes float32; int32 with int32 or integers makes int32, with a
float number float64. A table counts as its numbers do, a table of arrays as these do. What leaves the
integers makes float64 of int32: / ^ sqrt exp mean std norm and the like.

uint8 is a way to store, as pictures are: 0 to 255 in a byte. What only chooses among its elements (an
index, take, sort, concatenate, where) stays uint8; with float64 it makes float64, and all else, sums and
means too, is computed and answered in float32. A network or an attack takes samples, not bytes: x / 255
makes them of these.

A mask is what comparisons, tests and logic answer: int32, 0 and 1. With a number or a table it makes
float32 (mask * 0.5, 1 - mask), with float32 float32, with int32 int32; its sum is an integer. Its views
and what only chooses among masks (take, compress, where, sort, concatenate, copy) are masks; what
arithmetic makes of masks is plain int32.

An int32 result that overflows is an error (2147483647 + 1, also of sum, cumsum, dot, matmul); astype
"f64" makes room. A float result becomes inf. A value that is put where the type is given already, by
a constructor, astype, set, assign, put, x[i] = v, a dataset or as a number beside float32, is refused if
it is out of the type's range, and in int32 and uint8 if it is not an integer (round it first); lost
digits are no
failure, and inf and nan are floats. Comparisons know the answer also for a number that does not fit.

Numbers below 1.2e-38 in float32 and 2.2e-308 in float64 (denormals) are kept by everything that works
number by number. Matrix products, networks and SVMs take them for 0, in what they read and in what
they answer: many processors are up to a hundred times slower with them.]],
  example = [[
local x, i = array.new { 0.1, 0.2 }, array.arange(2)
print((x * 2).dtype, (x + i).dtype)
print((i + 1).dtype, (i + 0.5).dtype, (i / 2).dtype)
print(array.mean { 0.1, 0.1, 0.1 }, (x:gt(0.1) * 1).dtype)
print(pcall(array.new, { 1e300 }))]],
  see = { "array.new", "array.astype", "array.where" },
}

---------------------------------------------------------------------------------------------------

group = "Elementwise"

local partners = {
  neg = "sub", abs = "sign", sign = "abs", square = "sqrt", sqrt = "square", exp = "log", expm1 = "log1p",
  log = "exp", log1p = "expm1", log2 = "log", log10 = "log", sin = "cos", cos = "sin", tan = "tanh",
  tanh = "sigmoid", sigmoid = "tanh", softplus = "relu",
  floor = "round", ceil = "floor", round = "floor", trunc = "floor",
  relu = "softplus", isnan = "isfinite",
  isinf = "isfinite", isfinite = "isnan", logical_not = "truth", truth = "nonzero",
}

local function unary(name, text, result)
  add {
    name = name, method = true, params = { x },
    text = text .. (result and "" or (" x:%s_() writes the result into x."):format(name)),
    returns = { "array", result or "a new array" },
    example = ("print(array.%s { 0.25, 1, 2 })"):format(name), see = { "array." .. partners[name] },
  }
end

unary("neg", "-x.")
unary("abs", "|x|.")
unary("sign", "-1, 0 or 1; NaN stays.")
unary("square", "x².")
unary("sqrt", "The square root; NaN of what is less than 0.")
unary("exp", "eˣ.")
unary("expm1", "eˣ − 1, exact near 0.")
unary("log", "The natural logarithm: -inf of 0, NaN of less.")
unary("log1p", "log(1 + x), exact near 0.")
unary("log2", "The logarithm to base 2.")
unary("log10", "The logarithm to base 10.")
unary("sin", "The sine.")
unary("cos", "The cosine.")
unary("tan", "The tangent.")
unary("tanh", "The hyperbolic tangent.")
unary("sigmoid", "1 / (1 + exp(−x)), without overflow.")
unary("softplus", "log(1 + exp(x)), without overflow.")
unary("floor", "Rounded down.")
unary("ceil", "Rounded up.")
unary("round", "Rounded to the nearest; halves to the even neighbour.")
unary("trunc", "Rounded towards 0.")
unary("relu", "x where it is above 0, else 0; NaN stays.")
unary("isnan", "1 where an element is NaN.", "a mask")
unary("isinf", "1 where an element is inf or -inf.", "a mask")
unary("isfinite", "1 where an element is neither NaN nor infinite.", "a mask")
unary("logical_not", "1 where an element is 0.", "a mask")
unary("truth", "1 where an element is not 0.", "a mask")

local function binary(name, text, result)
  add {
    name = name, method = true, params = { x, operand },
    text = text .. (result and "" or (" x:%s_(y) writes the result into x."):format(name)),
    returns = { "array", result or "a new array" },
    example = ("print(array.%s({ 1, 2, 3 }, { 3, 2, 1 }))"):format(name),
    see = result and { "array.where", "array.compress" } or { name ~= "add" and "array.add" or "array.sum" },
  }
end

binary("add", [[
x + y, also as an operator. Shapes broadcast by NumPy's rule; help "numbers" tells what types
make together.]])
binary("sub", "x - y.")
binary("mul", "x * y.")
binary("div", "x / y; float64 of int32.")
binary("pow", "x ^ y; float64 of int32.")
binary("mod", "x % y with the sign of y, as Lua's; an int32 division by zero is an error.")
binary("idiv", "x // y, rounded down; an int32 division by zero is an error.")
binary("maximum", "The greater of each two; NaN if either is.")
binary("minimum", "The lesser of each two; NaN if either is.")
binary("eq", "1 where equal. (Lua's == of two arrays raises; see array.equal.)",
  "a mask")
binary("ne", "1 where not equal.", "a mask")
binary("lt", "1 where x < y.", "a mask")
binary("le", "1 where x ≤ y.", "a mask")
binary("gt", "1 where x > y.", "a mask")
binary("ge", "1 where x ≥ y.", "a mask")
binary("logical_and", "1 where both are not 0.", "a mask")
binary("logical_or", "1 where either is not 0.", "a mask")
binary("logical_xor", "1 where just one is not 0.", "a mask")

add {
  name = "where", text = "Elements of a where the mask is not 0, of b elsewhere; all three "
    .. "broadcast. The mask has no say in the type.", method = true,
  params = { { "mask", "array|table", "numbers; not 0 is true" },
    { "a", "array|table|number", "where it is true" }, { "b", "array|table|number", "elsewhere" } },
  returns = { "array", "a new array" }, example = "print(array.where({ 1, 0 }, { 5, 6 }, -1))",
  see = { "array.compress" },
}
add {
  name = "clip", method = true,
  text = "x held between two bounds, either of which may be nil. x:clip_(low, high) writes into x.",
  params = { x, { "low", "array|number|nil", "the least, or nil" },
    { "high", "array|number?", "the greatest" } },
  returns = { "array", "a new array" }, example = "print(array.clip({ -1, 0.5, 2 }, 0, 1))",
  see = { "array.maximum" },
}
add {
  name = "allclose", method = true,
  text = "True if |x − y| ≤ atol + rtol·|y| everywhere; infinities must be equal.",
  params = { x, operand },
  returns = { "boolean", "the answer" }, example = "print(array.allclose({ 1, 2 }, { 1, 2.0000001 }))",
  see = { "array.equal", "array.eq" },
}
add {
  name = "equal", method = true,
  text = "True if the shapes are the same and all numbers equal, whatever the types.",
  params = { x, operand }, returns = { "boolean", "the answer" },
  example = "print(array.equal({ 1, 2 }, { 1, 2 }))",
  see = { "array.allclose" },
}

---------------------------------------------------------------------------------------------------

group = "Reductions"

local function reduction(name, text, whole)
  add {
    name = name, method = true, text = text, params = { x, axis },
    returns = { "array|" .. whole, "without an axis a Lua value" },
    example = ("local a = array.new { { 1, 2 }, { 3, 4 } }\nprint(a:%s(), a:%s(1))"):format(name, name),
    see = name ~= "mean" and { "array.mean" } or { "array.sum", "array.std" },
  }
end

reduction("sum", "The sum, taken in double. That of int32 must fit into int32.", "number")
reduction("prod", "The product, taken in double.", "number")
reduction("mean", "The mean; NaN of no elements.", "number")
reduction("var", "The variance.", "number")
reduction("std", "The standard deviation.", "number")
reduction("min", "The least element; NaN if there is one.", "number")
reduction("max", "The greatest element; NaN if there is one.", "number")
reduction("any", "Whether an element is not 0.", "boolean")
reduction("all", "Whether no element is 0.", "boolean")
reduction("count_nonzero", "How many elements are not 0.", "integer")
reduction("logsumexp", "log Σ exp(x), without overflow; -inf of no elements.", "number")
reduction("norm", "The norm of the elements (of a matrix too: of its elements).", "number")

for _, pair in ipairs { { "argmin", "least" }, { "argmax", "greatest" } } do
  local name, what = pair[1], pair[2]
  add {
    name = name, method = true, text = "The position, from 1, of the first " .. what .. " element (or NaN).",
    params = { x, { "axis", "integer?", "without it the position in the flattened array" } },
    returns = { "array|integer", "int32 along an axis" },
    example = ("print(array.%s { 3, 1, 9 })"):format(name), see = { "array.argsort" },
  }
end
add {
  name = "cumsum", method = true, text = "Running sums along an axis, or of the flattened array.",
  params = { x, { "axis", "integer?", "none: flattened" } }, returns = { "array", "of x's type" },
  example = "print(array.cumsum { 1, 2, 3 })", see = { "array.sum" },
}

for _, one in ipairs {
  { "median", "The median: percentile 50.", {}, "" },
  { "percentile", [[
Percentile p: the value below which p of 100 elements lie. Between two elements their values are joined by a
line, as NumPy's. Several p make an axis in front. NaN if an element is.]],
    { { "p", "number|table|array", "from 0 to 100, one or a list" } }, "90" },
} do
  local name, text, p, call = table.unpack(one)
  add {
    name = name, method = true, text = text, params = { x, p[1] or axis, p[1] and axis },
    returns = { "number|array", ("without an axis%s, a number; float64 of int32")
      :format(call ~= "" and " and of one p" or "") },
    example = ("local a = array.new { { 1, 2 }, { 3, 9 } }\nprint(a:%s(%s), a:%s(%s1))")
      :format(name, call, name, call ~= "" and call .. ", " or ""),
    see = { name == "median" and "array.percentile" or "array.median", "array.sort" },
  }
end

---------------------------------------------------------------------------------------------------

group = "Networks"

local weight = { "weight", "array|table", "out × in" }
local bias = { "bias", "array|table?", "one number for each of out; none without it" }
local images = { "x", "array|table", "images, n × channels × height × width, or one without n" }

add {
  name = "softmax", method = true,
  text = [[
exp(x) / Σ exp(x) along an axis, safe for large numbers; -inf gets 0. nn.softmax is the same.]],
  params = { x, { "axis", "integer?", "the last without it" } },
  returns = { "array", "of x's shape and type; float64 of int32" },
  example = "print(array.softmax { { 1, 2, 3 }, { 1000, 1000, -math.huge } })",
  see = { "array.log_softmax", "array.logsumexp", "model:scores" },
}
add {
  name = "log_softmax", method = true,
  text = [[
The logarithm of softmax, x − log Σ exp(x), exact where softmax itself is next to nothing. A
cross-entropy of labels 0, 1, … is -scores:log_softmax():gather(y + 1, 2):mean().]],
  params = { x, { "axis", "integer?", "the last without it" } },
  returns = { "array", "of x's shape and type; float64 of int32" },
  example = [[
local scores, y = array.new { { 2, 1, 0 }, { 900, 0, 0 } }, array.new { 0, 1 }
print(scores:log_softmax())
print(-scores:log_softmax():gather(y + 1, 2):mean())]],
  see = { "array.softmax", "array.gather" },
}
add {
  name = "linear", method = true, text = "x · weightᵀ + bias, PyTorch's linear layer.",
  params = { { "x", "array|table", "… × in" }, weight, bias },
  returns = { "array", "… × out" },
  example = [[
local x, weight = array.new { { 1, 2, 3 } }, { { 1, 0, 0 }, { 0, 1, 1 } }
print(x:linear(weight, { 0, 10 }))]],
  see = { "nn.linear", "array.matmul", "net:weights" },
}
add {
  name = "conv2d", method = true,
  text = [[
Convolution of images: out maps, each a weighted sum under a kernel that slides over x. Weights lie as
PyTorch's do and as net:weights() gives them.]],
  params = { images, { "weight", "array|table", "out × channels × kernel height × kernel width" }, bias },
  returns = { "array", "n × out × ((height + 2 padding - kernel) // stride + 1) × …" },
  example = [[
local x = data.digits(2, { seed = 1 }).x:reshape(2, 1, 28, 28)
local edges = array.new { { { { 1, 0, -1 }, { 2, 0, -2 }, { 1, 0, -1 } } } }
print(x:conv2d(edges, { stride = 2, padding = 1 }).shape[4])]],
  see = { "array.maxpool", "nn.conv2d", "net:weights" },
}
add {
  name = "maxpool", method = true,
  text = "The greatest number under a window that slides over images. x:maxpool(2) has a kernel of 2.",
  params = { images }, returns = { "array", "n × channels × ((height - kernel) // stride + 1) × …" },
  example = "print(array.arange(16):reshape(1, 4, 4):maxpool { kernel = 2 })",
  see = { "array.conv2d", "nn.maxpool" },
}

---------------------------------------------------------------------------------------------------

group = "Linear algebra"

local square = { "a", "array|table", "n × n" }
local precision = " Computed in double; a float32 answer is rounded in the end."

add {
  name = "solve", method = true, text = "The x of a · x = b. A singular matrix is an error." .. precision,
  params = { square, { "b", "array|table", "n numbers, or n × m for m right-hand sides" } },
  returns = { "array", "of b's shape" },
  example = "print(array.solve({ { 2, 0 }, { 1, 4 } }, { 2, 9 }))", see = { "array.inv", "array.matmul" },
}
add {
  name = "inv", method = true,
  text = "The inverse of a matrix; a singular one is an error. (solve is faster and more exact.)",
  params = { square }, returns = { "array", "n × n" },
  example = "print(array.inv { { 2, 0 }, { 1, 4 } })", see = { "array.solve" },
}
add {
  name = "svd", method = true,
  text = [[
The singular value decomposition x = u · diag(s) · vt, with k = min(m, n) singular values in descending
order. (NumPy's has all m and n vectors unless told; here full_matrices = true asks for them.)]],
  params = { { "x", "array|table", "m × n" } },
  returns = { "array, array, array", "u (m × k), s (k), vt (k × n)" },
  example = [[
local x = array.new { { 3, 0 }, { 4, 5 }, { 0, 0 } }
local u, s, vt = x:svd()
print(s, u:matmul(s:diag()):matmul(vt):allclose(x))]],
  see = { "array.eigh", "array.solve" },
}
add {
  name = "eigh", method = true,
  text = [[
Eigenvalues, ascending, and eigenvectors, a column each, of a symmetric matrix: of (x + x.T) / 2, whatever x
is.]],
  params = { { "x", "array|table", "n × n" } }, returns = { "array, array", "w (n), v (n × n)" },
  example = "local w, v = array.eigh { { 2, 1 }, { 1, 2 } }\nprint(w, v)",
  see = { "array.svd" },
}

---------------------------------------------------------------------------------------------------

group = "Products and order"

add {
  name = "matmul", method = true,
  text = [[
The matrix product: (…, m, k) × (…, k, n) → (…, m, n). A 1-d array is a row on the left, a column on the
right. Transposed and sliced matrices are not copied.]],
  params = { x, { "y", "array|table", "the right factor" } }, returns = { "array", "the product" },
  example = "local a = array.rand(2, 3, { seed = 1 })\nprint(a:matmul(a.T))",
  see = { "array.dot", "array.outer" },
}
add {
  name = "dot", method = true,
  text = "The scalar product of two 1-d arrays, summed in double; matmul of others.",
  params = { x, { "y", "array|table", "the other" } }, returns = { "number|array", "the product" },
  example = "print(array.dot({ 1, 2 }, { 3, 4 }))", see = { "array.matmul" },
}
add {
  name = "outer", method = true, text = "x[i]·y[j] of two arrays, flattened.",
  params = { x, { "y", "array|table", "the other" } }, returns = { "array", "m × n" },
  example = "print(array.outer({ 1, 2 }, { 3, 4, 5 }))", see = { "array.matmul" },
}

add {
  name = "sort", method = true, text = "A sorted copy; NaN comes last.",
  params = { x, { "axis", "integer?", "the last without it" } },
  returns = { "array", "the copy" }, example = "print(array.sort { 3, 1, 2 })",
  see = { "array.argsort", "array.unique" },
}
add {
  name = "argsort", method = true,
  text = "Positions, from 1, in the order of their elements; equal ones keep their order.",
  params = { x, { "axis", "integer?", "the last without it" } },
  returns = { "array", "int32" }, example = "local a = array.new { 3, 1, 2 }\nprint(a:take(a:argsort()))",
  see = { "array.sort", "array.take" },
}
add {
  name = "unique", method = true,
  text = "The distinct values, ascending, and how often each comes.", params = { x },
  returns = { "array, array", "values of x's type; counts, int32" },
  example = "print(array.unique { 2, 1, 2 })", see = { "array.sort" },
}

return {
  name = "array",
  title = "Arrays",
  summary = [[
n-dimensional arrays of float32, float64, int32 or uint8. Rows, slices, reshapes and transposes are views that
share memory. Functions of an array are methods too: array.mean(x, 1) is x:mean(1). Axes and positions
count from 1, or from -1 at the end. What a dataset, a model, a result or an attack hands out of its own
(d.x, m.sv, r.x_adv) is read-only, and so are views taken from it: writing raises. What a function makes
can be written; see array.copy.

x[i] is row i, of a 1-d array a number; x[i] = values writes it; x[{2, 5}] are rows 2 to 5, a view;
x[mask] and x[positions] (int32) are copies of what they choose, a mask of the array's own shape
elements, one as long as the first axis rows, and x[mask] = values writes there; #x is the size of the
first axis. The operators + - * / % // ^ work element by element and broadcast; comparisons are methods
that give masks (x:lt(y)), because Lua's own give one boolean. help "numbers" tells what types make
together.]],
  entries = entries,
}
