-- Every kind of layer, found through the table that the program keeps: from options to nets, files,
-- training, help and completion. A new kind is tested here without a line of its own.

local lu = require "luaunit"
local complete = require "perigee.complete"
local help = require "perigee.help"
local native = require "perigee.native"

local function kinds()
  local list = {}
  for _, name in ipairs(native.described()) do
    local described = native.described(name)
    local container = name == "nn.sequence" or name == "nn.residual" -- test_containers.lua
    if described.gives == "the layer's description, for nn.new" and not container then
      list[#list + 1] = { name = name:match("^nn%.(.+)$"), described = described }
    end
  end
  return list
end

-- A value for every option that has no default, or for every one.
local function options_of(kind, all)
  local values = {
    integer = 3, ["integer|integer[]"] = { 2, 1 }, number = 0.25, boolean = true, string = "own",
    ["number|number[]"] = { 0.5, 0.25, 2 }, padding = { 1, 0 }, -- half a kernel at most, where it is a pool's
  }
  local options = {}
  for _, row in ipairs(kind.described.options) do
    local key, sort, default = row[1], row[2], row[3]
    if all or default == "none" then options[key] = values[key] or values[sort] or sort:match('"(.-)"') end
  end
  return options
end

-- The first input that the layer takes, and the net of it (and of what follows).
local function net_of(layer, rest)
  for _, input in ipairs { { 3, 6, 5 }, { 7 } } do
    local description = { input = input, seed = 3, layer, table.unpack(rest or {}) }
    local ok, net = pcall(nn.new, description)
    if ok then return net, description end
  end
  error("no input fits a " .. layer.kind)
end

local function each(check)
  local found = kinds()
  lu.assertTrue(#found >= 6)
  for _, kind in ipairs(found) do
    for _, all in ipairs { false, true } do check(kind, options_of(kind, all)) end
  end
end

TestLayerTable = {}

function TestLayerTable.test_constructors_give_plain_tables()
  each(function(kind, options)
    local layer = nn[kind.name](options)
    lu.assertNil(getmetatable(layer))
    lu.assertNil(options.kind)
    options.kind = kind.name
    lu.assertEquals(layer, options)
  end)
end

function TestLayerTable.test_what_is_wrong_is_refused_at_once()
  each(function(kind, options)
    local new, where = nn[kind.name], "nn." .. kind.name .. ": "
    local function refused(key, value, message)
      local wrong = {}
      for k, v in pairs(options) do wrong[k] = v end
      wrong[key] = value
      lu.assertErrorMsgContains(where .. message, new, wrong)
      if type(key) == "string" and key ~= "kind" then
        wrong.kind = kind.name
        lu.assertErrorMsgContains("nn.new: layer 2 (", nn.new, { input = { 3 }, nn.relu(), wrong })
      end
    end
    refused("nosuch", 1, "unknown option 'nosuch'")
    refused("kind", kind.name, "unknown option 'kind'")
    if kind.name ~= "softmax" then refused(1, 3, "options go by name") end -- of numbers it is a function
    for _, row in ipairs(kind.described.options) do
      refused(row[1], {}, row[1] .. ": expected ")
      if row[3] == "none" then refused(row[1], nil, row[1] .. ": expected ") end
    end
    lu.assertErrorMsgContains("options: expected a table", new, 3)
    lu.assertErrorMsgContains("at most ", new, options, 3, 4)
  end)
end

function TestLayerTable.test_nets()
  each(function(kind, options)
    local net, description = net_of(nn[kind.name](options))
    local layer = net.layers[1]
    lu.assertEquals(layer.kind, kind.name)
    if options.name then lu.assertEquals(layer.name, "own") end
    description.classes = {}
    for c = 1, layer.size do description.classes[c] = 3 * c end
    net = nn.new(description)
    local x, path = array.rand(3, net.features, { seed = 1 }), os.tmpname()
    local tapped = net:forward(x, layer.name)
    lu.assertTrue(array.equal(tapped:astype("f64"), net:scores(x)))
    net:save(path)
    local loaded = nn.load(path)
    os.remove(path)
    lu.assertEquals(loaded.layers, net.layers)
    lu.assertTrue(array.equal(loaded:scores(x), net:scores(x)))
    lu.assertTrue(array.equal(net:clone():forward(x, layer.name), tapped))
  end)
end

-- A step moves the weights of what stands before the layer: its gradient comes through.
function TestLayerTable.test_training()
  each(function(kind, options)
    local layer = nn[kind.name](options)
    local _, description = net_of(layer)
    local first = #description.input == 1 and nn.linear { out = 7, name = "first" }
      or nn.conv2d { out = 3, kernel = 1, name = "first" }
    local rest = { nn.linear { out = 2, name = "last" } }
    if #net_of(layer).layers[1].shape == 3 then table.insert(rest, 1, nn.flatten { name = "flat" }) end
    local net = nn.new { input = description.input, seed = 3, first, layer, table.unpack(rest) }
    local x = array.rand(12, net.features, { seed = 1 })
    local before = net:weights()["first.weight"]
    local history = nn.train(net, data.new { x = x, y = array.arange(12):gt(5) },
      { epochs = 1, batch = 5, lr = 0.1, seed = 1 })
    lu.assertTrue(history.loss[1] > 0 and history.loss[1] < 50)
    lu.assertFalse(array.equal(before, net:weights()["first.weight"]))
  end)
end

function TestLayerTable.test_help_and_completion()
  each(function(kind)
    local name = "nn." .. kind.name
    local entry = help.of(nn[kind.name])
    lu.assertEquals(entry.name, name)
    lu.assertStrContains(help.text(entry, 1000), kind.described.summary)
    lu.assertEquals(complete.candidates(name), { name:match("[%w_]+$") })
    local found = table.concat((complete.candidates(name .. " { ")), " ")
    for _, row in ipairs(kind.described.options) do
      lu.assertStrContains(found, row[1] .. " = ")
      lu.assertStrContains(help.text(entry, 1000), row[4])
    end
  end)
end
