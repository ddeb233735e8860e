-- luacheck: no max line length (tables of values, a line each)
-- What can be done with an object besides calling its methods: its fields read and assigned, operators on either
-- side, metamethods called by hand, closed, walked through, shown; each with hostile values.

local entries = require "entries"
local kinds = require "perigee.kinds"

local objects = {}

-- ---- One of each kind -----------------------------------------------------------------------------------

local function plane() return data.new { x = array.rand(20, 4, { seed = 1 }), y = array.rand(20, { seed = 1 }):gt(0.5) } end

local function net()
  return nn.new { input = { 4 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 3, name = "f" }, nn.relu(),
    nn.linear { out = 2 } }
end

local function machine() return svm.new { kernel = svm.rbf(1) }:fit(plane()) end

local function defence()
  return dnr.new { net = net(), layers = { "f" }, layer_classifier = svm.new(), combiner = svm.new() }
end

local function pgd() return attack.pgd { model = machine(), norm = "l2", dmax = 0.5, max_iter = 2 } end

local function curve()
  return evaluate.security { models = { m = machine() }, attack = pgd(), data = plane():slice(1, 3), dmax = { 0, 0.5 }, seed = 1 }
end

local makers = {
  array = function() return array.rand(3, 4) end, array_f64 = function() return array.rand(3, 4, { dtype = "f64" }) end,
  array_i32 = function() return array.arange(6) end, array_u8 = function() return array.zeros(3, 3, { dtype = "u8" }) end,
  mask = function() return array.rand(6, { seed = 1 }):gt(0.5) end,
  dataset = plane, empty = function() return plane():slice(1, 0) end, digits = function() return data.digits(4, { seed = 1 }) end,
  net = net, svm = machine, unfitted = function() return svm.new() end, dnr = defence,
  fitted_dnr = function() return defence():fit(plane()) end, nr = function() return reject.new { model = net() } end,
  confidence = function() return reject.confidence { model = net() } end, energy = function() return reject.energy { model = net() } end,
  mahalanobis = function() return reject.mahalanobis { net = net(), layers = { "f" } }:fit(plane()) end,
  density = function() return reject.density { net = net(), layer = "f", bandwidth = 1 }:fit(plane()) end,
  layer_model = function() return reject.layer { net = net(), layer = "f", classifier = classic.knn() }:fit(plane()) end,
  squeeze = function() return reject.squeeze { model = nn.load "mnist-cnn" } end,
  preprocess = function() return reject.preprocess(net(), function(x) return x * 1 end) end,
  knn = function() return classic.knn():fit(plane()) end, logistic = function() return classic.logistic():fit(plane()) end,
  pipeline = function() return classic.pipeline { classic.minmax(), svm.new() }:fit(plane()) end, step = function() return classic.minmax() end,
  kernel = function() return svm.rbf(2) end, layer = function() return nn.linear { out = 2 } end,
  attack = pgd, ensemble = function() return attack.ensemble { pgd() } end, auto = function() return attack.auto { model = net(), dmax = 1 } end,
  result = function() return pgd():run(plane():slice(1, 3)) end, one_result = function() return pgd():run(plane():slice(1, 3))[1] end,
  figure = function() return plot.figure() end, panel = function() return plot.figure()[1] end,
  report = function() return metrics.report(machine(), plane()) end, confusion = function() return metrics.confusion(machine(), plane()) end,
  roc = function() return metrics.roc({ 0.1, 0.9, 0.4 }, { 0, 1, 1 }) end, security = curve,
  validation = function() return evaluate.cross_validate(svm.new(), plane(), { folds = 2, seed = 1 }) end,
  diagnosis = function() return evaluate.diagnose(pgd():run(plane():slice(1, 3))) end,
  pull = function() return select(2, grad.vjp(function(x) return x * x end, array.ones(2))) end,
  grad_model = function() return grad.model { classes = { 0, 1 }, scores = function(_, x) return x:slice(nil, { 1, 2 }) end } end,
  bench = function() return bench(function() end, 0) end, library = function() return array end, setting = function() return svm end,
}

--- The objects that calls are given: one of each.
function objects.pool()
  local list = {}
  for name, make in pairs(makers) do list[#list + 1] = { name, make } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  for i, one in ipairs(list) do list[i] = one[2]() end
  return list
end

--- An entry for each kind of object: { name =, make = }.
function objects.all()
  local list = {}
  for name, make in pairs(makers) do list[#list + 1] = { name = "object:" .. name, make = make } end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- ---- What is done ---------------------------------------------------------------------------------------

local OPERATORS = {
  { "+", function(a, b) return a + b end }, { "-", function(a, b) return a - b end }, { "*", function(a, b) return a * b end },
  { "/", function(a, b) return a / b end }, { "//", function(a, b) return a // b end }, { "%", function(a, b) return a % b end },
  { "^", function(a, b) return a ^ b end }, { "..", function(a, b) return a .. b end }, { "<", function(a, b) return a < b end },
  { "<=", function(a, b) return a <= b end }, { "==", function(a, b) return a == b end }, { "&", function(a, b) return a & b end },
  { "|", function(a, b) return a | b end }, { "~", function(a, b) return a ~ b end }, { "<<", function(a, b) return a << b end },
  { ">>", function(a, b) return a >> b end },
}

local ALONE = {
  { "-x", function(x) return -x end }, { "#x", function(x) return #x end }, { "~x", function(x) return ~x end },
  { "tostring", tostring }, { "%s", function(x) return ("%s%5.2s"):format(x, x) end }, { "%d", function(x) return ("%d"):format(x) end },
  { "ipairs", function(x) for i in ipairs(x) do if i > 50 then return i end end end },
  { "pairs", function(x) local n = 0 for _ in pairs(x) do n = n + 1 if n > 50 then break end end end },
  { "for in", function(x) local n = 0 for _ in x do n = n + 1 if n > 50 then break end end end },
  { "unpack", function(x) return table.unpack(x, 1, 3) end }, { "next", function(x) return next(x) end },
  { "concat", function(x) return table.concat(x) end }, { "sort", function(x) table.sort(x) end },
  { "closed twice", function(x) do local _ <close> = x end do local _ <close> = x end return tostring(x) end },
  { "rawlen", function(x) return rawlen(x) end }, { "upvalue", function(x) return debug.getuservalue(x, 1) end },
  { "string key", function(x) return ({ [x] = 1 })[x] end }, { "loops", function(x) for i = x, 3 do if i > 2 then return i end end end },
}

local does = {}

-- A field or a method, or a hostile name.
local function some_name(random, members, object, hostile)
  if random:chance(75) then
    local kind = kinds.of(object)
    local names = kind and members(kind) or {}
    if #names > 0 then return random:pick(names) end
  end
  local value = hostile(random)
  return value[2](), value[1]
end

function does.read(random, members, object, hostile)
  local name, what = some_name(random, members, object, hostile)
  return ("read %s"):format(what or name), function() return object[name] end
end

function does.assign(random, members, object, hostile)
  local name, what = some_name(random, members, object, hostile)
  local value = hostile(random)
  local given = value[2]()
  return ("assign %s = %s"):format(what or name, value[1]), function() object[name] = given end, type(object) == "table"
end

-- Through a name that is two: net["f.bias"], defence["relu4.kernel.gamma"].
function does.assign_inside(random, members, object, hostile)
  local name, inner, value = (some_name(random, members, object, hostile)), (some_name(random, members, object, hostile)), hostile(random)
  local given, path = value[2](), (type(name) == "string" and name or "threshold") .. "." .. (type(inner) == "string" and inner or "C")
  return ("assign inside %s"):format(value[1]), function() object[path] = given end, type(object) == "table"
end

function does.operator(random, _, object, hostile)
  local operator, value = random:pick(OPERATORS), hostile(random)
  local other = value[2]()
  if random:chance(50) then
    return ("x %s %s"):format(operator[1], value[1]), function() return operator[2](object, other) end, true
  end
  return ("%s %s x"):format(value[1], operator[1]), function() return operator[2](other, object) end, true
end

function does.alone(random, _, object)
  local way = random:pick(ALONE)
  return way[1], function() return way[2](object) end, true
end

function does.called(random, _, object, hostile)
  local value = hostile(random)
  local given = value[2]()
  return ("called with %s"):format(value[1]), function() return object(given, given) end, true
end

function does.position(random, _, object)
  local at = random:pick { 0, 1, -1, 2, 1.5, 1e300, math.maxinteger, math.mininteger, 0 / 0, 4, 21, -21, true }
  if random:chance(50) then return ("x[%s]"):format(at), function() return object[at] end end
  return ("x[%s] = 1"):format(at), function() object[at] = 1 end, type(object) == "table"
end

-- By hand: metamethods on what they are not made for. They may say what they like.
function does.metamethod(random, _, object, hostile)
  local meta, names = debug.getmetatable(object), {}
  for name, f in next, type(meta) == "table" and meta or {} do
    if type(name) == "string" and name:find "^__" and type(f) == "function" and debug.getinfo(f, "S").what == "C" then names[#names + 1] = name end
  end
  if #names == 0 then return does.alone(random, nil, object) end
  table.sort(names)
  local name, a, b = random:pick(names), hostile(random), hostile(random)
  local first, second = random:chance(40) and object or a[2](), b[2]()
  return ("%s by hand with %s, %s"):format(name, a[1], b[1]), function() return meta[name](first, second, second) end, true, true
end

local SHARES = { { "read", 14 }, { "assign", 38 }, { "assign_inside", 42 }, { "operator", 64 }, { "alone", 76 }, { "called", 80 },
  { "position", 88 }, { "metamethod", 100 } }

--- What is done, the function that does it, whether Lua may complain in its own words, and whether it was done by
--- hand, so that anything may be said. `members`: the names of a kind's fields and methods.
function objects.deed(random, members, object, hostile)
  local n = random:below(100)
  for _, share in ipairs(SHARES) do
    if n < share[2] then return does[share[1]](random, members, object, hostile) end
  end
end

--- Is it closed by now?
function objects.is_closed(object) return entries.kind(object) ~= nil and kinds.is_closed(object) end

return objects
