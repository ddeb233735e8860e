-- What was written into d.y, or into the arrays that a dataset was made of, was believed by some and not by
-- others: metrics saw the new labels; training, printing, where, save and attacks the old.

local lu = require "luaunit"

TestWrittenDatasets = {}

local function small()
  return data.new {
    x = array.rand(12, 4, { seed = 1 }), y = { 5, 3, 9, 5, 3, 9, 5, 3, 9, 5, 3, 9 },
    shape = { 2, 2 }, source = "made up",
  }
end

-- Every way to write into an array, with the name that the message begins with.
local function writers()
  local list = {
    { "array", function(a) a[1] = 1 end }, { "array", function(a) a[-1] = { 1 } end },
    { "array", function(a) a[1] = a[1] end },
    { "fill", function(a) a:fill(0) end }, { "assign", function(a) a:assign(a) end },
    { "assign", function(a) array.assign(a, 0) end }, { "put", function(a) a:put({ 1 }, 0) end },
    { "put", function(a) a:put({}, 0) end }, { "clip_", function(a) a:clip_(0, 1) end },
    { "set", function(a) a:set(1, table.unpack(array.ones(a.ndim):totable())) end },
  }
  for name, method in pairs(debug.getregistry()["perigee.array"].methods) do
    if name:find "[^_]_$" and name ~= "clip_" then
      list[#list + 1] = { name, function(a)
        local _, message = pcall(method, a)
        if message:find("operand", 1, true) then method(a, a) end -- it takes two
        error(message)
      end }
    end
  end
  lu.assertTrue(#list > 35, #list)
  return list
end

-- Views of whatever has elements and at least one axis.
local views = {
  function(a) return a end, function(a) return a:slice { 1, 2 } end,
  function(a) return a:slice { -1, 1, -1 } end, function(a) return a:reshape(-1) end,
  function(a) return a:reshape(1, -1) end, function(a) return a:flatten() end,
  function(a) return a.T end, function(a) return a:transpose() end, function(a) return a:expand_dims(1) end,
  function(a) return a:expand_dims(1):squeeze(1) end, function(a) return a.ndim > 1 and a[1] or a end,
}

local function is_read_only(a, words)
  local before = array.new(a):totable()
  for _, view in ipairs(views) do
    for _, writer in ipairs(writers()) do
      local name, write = table.unpack(writer)
      local ok, message = pcall(write, view(a))
      lu.assertFalse(ok, words .. ": " .. name)
      lu.assertStrContains(message, name .. ": this array is read-only", false, words)
      lu.assertStrContains(message, "d:with{ x =, y = }")
      lu.assertStrContains(message, ":copy()")
    end
  end
  lu.assertEquals(array.new(a):totable(), before, words)
end

-- What can be written is an array of one's own.
local function can_be_written(a, words)
  a:fill(1)
  lu.assertEquals(a:min() + 0, 1, words)
end

function TestWrittenDatasets:test_fields_are_read_only()
  local d = small()
  is_read_only(d.x, "x")
  is_read_only(d.y, "y")
  is_read_only(d.images, "images")
  is_read_only(d:slice(1, 5).x, "a slice's x")
  is_read_only(d[2].y, "a sample's y")
  lu.assertErrorMsgContains("read-only", function() d:slice(3, 2).x:fill(0) end)
  for part in d:batches(5) do is_read_only(part.x, "a batch's x") end
  for _, made in ipairs {
    d:take { 1, 2, 3 }, d:shuffle(), d:where(5), d:concat(d), d:per_class(1), data.digits(3), d:with {},
  } do
    is_read_only(made.y, "y of another dataset")
    is_read_only(made.images, "images of another dataset")
  end
  d:where(function(_, row) is_read_only(row, "the row that where shows") return false end)
end

function TestWrittenDatasets:test_copies_and_results_are_not()
  local d = small()
  for i, a in ipairs {
    d.x:copy(), d.x[1]:copy(), d.x:astype "f32", d.x:astype "f64", array.new(d.x), d.x:take { 1 }, d.x:sort(),
    d.x:compress(d.y:eq(5)), d.x + 0, d.x:clip(0, 1), array.concatenate { d.x }, array.stack { d.y },
    d.x:sum(1), d.x:cumsum(1), array.zeros_like(d.x), array.broadcast_to(d.x, 12, 4),
    array.where(d.x:gt(0), d.x, d.x),
    d.x.T:reshape(-1), d.y:unique(), d.x:matmul(d.x.T), d.x:min(1, { keepdims = true }), array.abs(d.x), -d.x,
    nn.softmax(d.x), d.x:argsort(), d.y:nonzero(),
  } do
    can_be_written(a, i)
  end
  lu.assertTrue(d.x:max() < 1)
  lu.assertEquals(d:counts(), { [3] = 4, [5] = 4, [9] = 4 })
end

-- The parent of a slice was zeroed.
function TestWrittenDatasets:test_a_slice_does_not_write_into_its_parent()
  local d = small()
  local sum = d.x:sum()
  lu.assertErrorMsgContains("read-only", function() d:slice(1, 5).x:fill(0) end)
  lu.assertErrorMsgContains("read-only", function() d.images[1][1][1] = 7 end)
  lu.assertEquals(d.x:sum(), sum)
end

function TestWrittenDatasets:test_new_copies()
  local x, y = array.rand(4, 3, { seed = 1 }), array.new({ 1, 2, 1, 2 }, { dtype = "i32" })
  local d, mask = data.new { x = x, y = y }, data.new { x = x.T.T, y = array.new({ 0, 1, 0, 1 }):gt(0) }
  local sum = d.x:sum()
  x:fill(7)
  y:fill(9)
  lu.assertEquals(d.x:sum(), sum)
  lu.assertEquals(mask.x:sum(), sum)
  lu.assertEquals(d.y:totable(), { 1, 2, 1, 2 })
  lu.assertEquals(mask.y:totable(), { 0, 1, 0, 1 })
  lu.assertEquals(d:counts(), { 2, 2 })
  x[1] = 3 -- still one's own
end

-- Whoever reads labels reads the same ones.
function TestWrittenDatasets:test_one_truth_about_labels()
  local d = small()
  local y = d.y:copy()
  y:fill(3)
  y[1], y[2] = 9, 9
  local changed = d:with { y = y }
  lu.assertEquals(changed:counts(), { [3] = 10, [9] = 2 })
  lu.assertEquals(changed.classes, { 3, 9 })
  lu.assertStrContains(tostring(changed), "in 2 classes")
  lu.assertEquals(#changed:where(9), 2)
  local net = nn.new { input = 4, nn.linear { out = 2 }, classes = { 3, 9 }, seed = 1 }
  local predicted = net:predict(changed)
  lu.assertEquals(metrics.accuracy(net, changed), predicted:eq(y):mean())
  lu.assertEquals(attack.noise({ model = net, dmax = 0 }):run(changed).y:totable(), y:totable())
  local seen
  svm.new({}):fit(changed)
  reject.new { model = { scores = function(_, rows) return array.zeros(#rows, 2) end, classes = { 3, 9 },
    fit = function(_, ds) seen = ds.y:totable() end }, threshold = 0 }:fit(changed)
  lu.assertEquals(seen, y:totable())
  local path <close> = setmetatable({ os.tmpname() }, { __close = function(p) os.remove(p[1]) end })
  lu.assertEquals(data.npz(changed:save(path[1])).y:totable(), y:totable())
  lu.assertEquals(d:counts()[5], 4)
end

function TestWrittenDatasets:test_with()
  local d = small()
  local wide = d:with { x = array.zeros(12, 3, 2), source = "zeros" }
  lu.assertEquals(wide.shape, { 3, 2 })
  lu.assertEquals(wide.y:totable(), d.y:totable())
  lu.assertEquals(wide.source, "zeros")
  local rounded = d:with { x = d.x:round() }
  lu.assertEquals(rounded.shape, { 2, 2 })
  lu.assertEquals(rounded.source, "made up")
  lu.assertEquals(d:with({ shape = { 4 } }).shape, { 4 })
  lu.assertEquals(#d:with { x = { { 1 } }, y = { 8 } }, 1)
  local own = array.ones(12, 4)
  local copied = d:with { x = own }
  own:fill(5)
  lu.assertEquals(copied.x:max(), 1)
  lu.assertErrorMsgContains("expected one label per sample", d.with, d, { y = { 1 } })
  lu.assertErrorMsgContains("did you mean 'y'", d.with, d, { Y = d.y })
  lu.assertErrorMsgContains("label 2 is 1.5", d.with, d, { y = d.y:astype "f64" + array.new({ 0, 0.5 }):take(
    { 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }) - d.y + 1 })
end

-- with, and new of what is read-only, hold nothing twice.
function TestWrittenDatasets:test_what_is_not_changed_is_shared()
  local resident = dofile "tests/lua/resident.lua"
  lu.skipIf(not resident(), "the system does not tell")
  local d = data.new { x = array.ones(4000, 1000), y = array.zeros(4000, { dtype = "i32" }) }
  collectgarbage()
  local before, held = resident(), {}
  for i = 1, 20 do
    held[3 * i] = d:with { y = d.y + i }
    held[3 * i + 1] = d:slice(1, 3000):with { source = "another" }
    held[3 * i + 2] = data.new { x = d.x, y = d.y }
  end
  lu.assertTrue((resident() - before) * 1024 < 16000, "20 × 3 datasets over one x of 16 MB")
  lu.assertEquals(held[3].x:sum(), 4e6)
end

function TestWrittenDatasets:test_fields_cannot_be_set()
  local d = small()
  for _, name in ipairs { "x", "y", "classes", "nonsense" } do
    lu.assertErrorMsgMatches(".*:%d+: dataset: " .. name .. " cannot be set; "
      .. "d:with{ x =, y = } makes a changed dataset", function() d[name] = 1 end)
  end
  lu.assertErrorMsgContains("dataset: [1] cannot be set; d:with", function() d[1] = d[2] end)
end

function TestWrittenDatasets:test_arrays_without_names_get_a_hint()
  local d, named = small(), "expected arrays by name, as in data.new{ x = samples, y = labels }, got "
  lu.assertErrorMsgContains(named .. "an array f32[12x4]", data.new, d.x, d.y)
  lu.assertErrorMsgContains(named .. "an array f32[12x4]", data.new, d.x)
  lu.assertErrorMsgContains(named .. "a list", data.new, { d.x, d.y })
  lu.assertErrorMsgContains(named .. "nothing", data.new)
  lu.assertErrorMsgContains("as in d:with{ x = samples, y = labels }, got an array i32[12]", d.with, d, d.y)
  for _, list in ipairs { {}, { d, d }, { d.x, d }, d, d.x, { x = d.x, y = d.y } } do
    for _, name in ipairs { "concatenate", "stack" } do
      lu.assertErrorMsgContains(name .. ": arrays: expected a list of arrays, as in {a, b} (data.concat "
        .. "joins datasets, and data.new{ x =, y = } makes one of arrays), got ", array[name], list, d.x)
    end
  end
end

-- Options that are texts were cut at NUL.
function TestWrittenDatasets:test_texts_with_nul()
  local d = data.digits(3, { seed = 1 })
  for name, call in pairs {
    with = function() return d:with { source = "red\0nul" } end,
    ["data.new"] = function() return data.new { x = { { 1 } }, y = { 1 }, source = "red\0nul" } end,
  } do
    lu.assertErrorMsgContains(name .. ": source: expected a string without NUL", call)
  end
  lu.assertErrorMsgContains("norm: expected a string without NUL", attack.pgd, { norm = "l2\0" })
  lu.assertEquals(d:with({ source = "red" }).source, "red")
end
