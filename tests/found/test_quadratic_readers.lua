-- Lists in files were read in time that grew with the square of their length: 0.3 MB took 14 s.

local lu = require "luaunit"
local archive = require "perigee.archive"

TestQuadraticReaders = {}

local path = os.tmpname()

function TestQuadraticReaders.tearDown() os.remove(path) end

local function list(n, item)
  local items = {}
  for i = 1, n do items[i] = item(i) end
  return table.concat(items, ",")
end

local function always(text) return function() return text end end

-- A safetensors file of n numbers, each a tensor under its own name; `texts` is the metadata in JSON.
local function write(n, name, texts)
  local tensors = list(n, function(i)
    return (',"%s":{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}'):format(name(i),
      name(i):find "weight$" and "[1,1]" or "[1]", 4 * i - 4, 4 * i):sub(2)
  end)
  local header = ('{"__metadata__":{%s}%s%s}'):format(texts, n > 0 and "," or "", tensors)
  local file <close> = assert(io.open(path, "wb"))
  file:write(string.pack("<s8", header), ("\0"):rep(4 * n))
end

local function write_model(description, n, name)
  write(n or 0, name, '"perigee":"' .. description:gsub('"', '\\"') .. '"')
end

local function net(n, layer)
  return ('{"kind":"net","input":[1],"classes":[1],"layers":[%s]}'):format(list(n, always(layer)))
end

local function write_net(n, prefix)
  write_model(net(n, '{"kind":"linear","out":1}'), 2 * n, function(i)
    return ("%sfc%d.%s"):format(prefix, (i + 1) // 2, i % 2 == 0 and "bias" or "weight")
  end)
end

local function svm_text(n)
  return '{"kind":"svm","kernel":{"name":"rbf","gamma":1,"coef0":0,"degree":3},"C":1,"tolerance":0.1,'
    .. ('"solver":"smo","weighted":[%s],"weight":[%s]}'):format(list(n, function(i) return n - i end),
      list(n, always "1"))
end

local function keep(n, value)
  local values = {}
  for i = 1, n do values[i] = value(i) end
  archive.write(path, { values = values })
end

local one = { net = nn.new { input = { 1 }, classes = { 1, 2 }, nn.linear { out = 2 } } }

local function attacked(n)
  local ds = data.new { x = array.zeros(n, 1), y = array.ones(n):astype "i32" }
  attack.fgsm({ model = one.net, dmax = 0.1 }):run(ds):save(path)
end

-- What is long, how long, how a file is made of it, how that is read.
local cases = {
  tensors = { 16000, function(n)
    write(n, function(i) return ("t%06d"):format(n - i) end, "")
  end, data.safetensors },
  texts = { 16000, function(n)
    write(1, always "a", list(n, function(i) return ('"t%06d":"text"'):format(n - i) end))
  end, data.safetensors },
  layers = { 8000, function(n) write_model(net(n, '{"kind":"relu"}')) end, perigee.load },
  weighted_layers = { 8000, function(n) write_net(n, "") end, perigee.load },
  searched_layers = { 8000, function(n) write_net(n, "module.") end, perigee.load },
  class_weights = { 48000, function(n) write_model(svm_text(n)) end, perigee.load },
  classes_of_a_net = { 98000, function(n)
    write_model(('{"kind":"net","input":[%d],"classes":[%s],"layers":[{"kind":"relu"}]}'):format(n,
      list(n, function(i) return i end)))
  end, perigee.load },
  classes_of_an_svm = { 200000, function(n)
    local column, classes = array.zeros(n, 1, { dtype = "f64" }), {}
    for i = 1, n do classes[i] = i end
    svm.from({ sv = array.zeros(1, 1), alpha = column, b = column:reshape(n), classes = classes,
      kernel = svm.rbf(1) }):save(path)
  end, perigee.load },
  layers_of_a_dnr = { 1000, function(n)
    local function relu(i) return ('"relu%d"'):format(i) end
    local text = '{"kind":"dnr","threshold":1,"layers":[%s],"classifiers":{%s},"combiner":%s,"net":%s}'
    local parts = list(n, function(i) return relu(i) .. ":" .. svm_text(0) end)
    write_model(text:format(list(n, relu), parts, svm_text(0), net(n, '{"kind":"relu"}')))
  end, perigee.load },
  samples_of_a_result = { 100000, attacked, perigee.load },
  notes_of_a_result = { 30000, function(n)
    attacked(1)
    local arrays, texts = data.safetensors(path)
    local notes = list(n, function(i) return ('"n%d":1'):format(i) end)
    texts.perigee = texts.perigee:gsub('"params":{', function(params) return params .. notes .. "," end)
    data.save_safetensors(path, arrays, texts)
  end, perigee.load },
  archive = { 16000, function(n)
    local arrays = {}
    for i = 1, n do arrays[("a%06d"):format(n - i)] = array.zeros(1) end
    data.save_npz(path, arrays)
  end, data.read_npz },
  numbers_of_a_session = { 50000, function(n) keep(n, function(i) return i end) end, archive.read },
  values_of_a_session = { 48000, function(n)
    keep(n, function(i) return i % 2 == 0 and i end)
  end, archive.read },
  tables_of_a_session = { 30000, function(n) keep(n, function() return {} end) end, archive.read },
  names_of_a_session = { 30000, function(n)
    local values = {}
    for i = 1, n do values["name" .. i] = true end
    archive.write(path, values)
  end, archive.read },
  arrays_of_a_session = { 8000, function(n) keep(n, function() return array.zeros(1) end) end, archive.read },
  models_of_a_session = { 4000, function(n) keep(n, function() return one.net end) end, archive.read },
}

-- All that is read stays until the end.
local function seconds(n, reads, make, read)
  make(n)
  collectgarbage()
  local kept, started = {}, os.clock()
  for i = 1, reads do
    kept[i] = read(path)
    lu.assertNotNil(kept[i])
  end
  return os.clock() - started
end

-- Four times as long takes as much as four times, and four times as much where it is the square. Both take
-- as much memory, since new pages can cost more than all else. What is over at once is no matter; the least
-- of some tries is what a machine without other work would take. The host's other guests make new pages
-- dear, for seconds: then it is tried again a little later.
local TRIES, AT_ONCE = 24, 4

for name, case in pairs(cases) do
  TestQuadraticReaders["test_" .. name] = function()
    local most, make, read = table.unpack(case)
    local short, long = math.huge, math.huge
    for try = 1, TRIES do
      if try > AT_ONCE then os.execute "sleep 0.5" end
      short = math.min(short, seconds(most // 4, 4, make, read))
      long = math.min(long, seconds(most, 1, make, read))
      if long <= 2.25 * math.max(short, 0.03) then return end
    end
    lu.fail(("%s: four times as long takes %.1f times as much as four times"):format(name, long / short))
  end
end

function TestQuadraticReaders:test_a_dnr_of_too_many_layers()
  local names = list(1025, function(i) return ('"relu%d"'):format(i) end)
  write_model(('{"kind":"dnr","threshold":1,"layers":[%s]}'):format(names))
  lu.assertErrorMsgContains("dnr.new: expected at most 1024 layers, got 1025", perigee.load, path)
end
