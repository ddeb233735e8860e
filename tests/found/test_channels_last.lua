-- Data whose axes lay in another order than the net's (32 × 32 × 3 into { 3, 32, 32 }) were taken as they
-- came: everything ran, on scrambled images.

local lu = require "luaunit"

TestChannelsLast = {}

local n, labels = 12, {}
for i = 1, n do labels[i] = i % 2 end
local x = array.rand({ n, 6, 5, 3 }, { seed = 1 })
local last = data.new { x = x, y = labels }
local first = data.new { x = x:transpose(1, 4, 2, 3), y = labels }

local function net_of(input)
  return nn.new { input = input, classes = { 0, 1 }, seed = 1, nn.flatten {}, nn.linear { out = 2 } }
end
local net = net_of { 3, 6, 5 }
local rejecting = dnr.new {
  net = net, layers = { "fc1" }, layer_classifier = svm.new(), combiner = svm.new(),
}
rejecting:fit(first)
local pgd = attack.pgd { model = net, dmax = 1, max_iter = 2 }
local layer = reject.layer { net = net, layer = "fc1", classifier = svm.new() }
layer:fit(first)

local calls = {
  { "train", function(d) nn.train(net:clone(), d, { epochs = 1 }) end },
  { "train: validation", function(d) nn.train(net:clone(), first, { epochs = 1, validation = d }) end },
  { "fit", function(d) net:clone():fit(d) end },
  { "scores", function(d) net:scores(d) end },
  { "scores", function(d) net:scores(d.images) end },
  { "predict", function(d) net:predict(d) end },
  { "gradient", function(d) net:gradient(d, { 1, 0 }) end },
  { "forward", function(d) net:forward(d, "fc1") end },
  { "backward", function(d) net:backward(d, { fc1 = array.ones { n, 2 } }) end },
  { "attack.pgd", function(d) pgd:run(d) end },
  { "metrics.accuracy", function(d) metrics.accuracy(net, d) end },
  { "threshold_for", function(d) rejecting:threshold_for(0.1, d) end },
  { "scores", function(d) rejecting:scores(d) end },
  { "fit", function(d) rejecting:clone():fit(d) end },
  { "layer_scores", function(d) rejecting:layer_scores(d) end },
  { "scores", function(d) layer:scores(d) end },
  { "fit", function(d) layer:clone():fit(d) end },
  { "scores", function(d) reject.new { model = net, threshold = 0 }:scores(d) end },
}

function TestChannelsLast:test_everything_that_takes_samples_refuses_them()
  for _, call in ipairs(calls) do
    lu.assertErrorMsgContains(call[1] .. ": the samples are (6, 5, 3), the ", call[2], last)
    lu.assertErrorMsgContains(
      " takes (3, 6, 5); transpose(1, 4, 2, 3) of the images puts their axes in that order",
      call[2],
      last
    )
  end
end

function TestChannelsLast:test_the_transpose_that_is_named_mends_it()
  for _, call in ipairs(calls) do
    call[2](first)
  end
  local orders = {
    { { 7, 2, 4 }, { 4, 2, 7 } },
    { { 2, 7 }, { 1, 7, 2 } },
    { { 3, 1, 2 }, { 1, 2, 3 } },
  }
  for _, case in ipairs(orders) do
    local given, input = case[1], case[2]
    local images = array.rand({ 4, table.unpack(given) }, { seed = 2 })
    local _, message = pcall(net_of(input).scores, net_of(input), images)
    local axes = {}
    for axis in message:match("transpose%((.-)%)"):gmatch "%d+" do
      axes[#axes + 1] = math.tointeger(axis)
    end
    net_of(input):scores(images:transpose(axes))
  end
end

-- The check of a gradient made flat rows of what it was given; a model written in Lua gets flat rows, and may
-- say what they are.
function TestChannelsLast:test_reject_check_and_models_in_lua()
  local in_lua = {
    classes = { 0, 1 }, input = { 3, 6, 5 }, scores = function(_, rows) return net:scores(rows) end,
    gradient = function(_, rows, w) return net:gradient(rows, w) end,
  }
  local words = "(6, 5, 3), the %s takes (3, 6, 5); transpose(1, 4, 2, 3) of the images"
  for kind, model in pairs { net = net, dnr = rejecting, layer = layer, lua = in_lua } do
    local refused = words:format(kind)
    for _, samples in ipairs { last, last.images } do
      lu.assertErrorMsgContains("reject.check: the samples are " .. refused, reject.check, model, samples)
    end
    lu.assertTrue(reject.check(model, first.images).ok, kind)
    lu.assertTrue(reject.check(model, last.x).ok, kind)
  end
  for _, call in ipairs {
    function(d) reject.scores(in_lua, d) end, function(d) metrics.accuracy(in_lua, d) end,
    function(d) reject.new({ model = in_lua }):predict(d) end,
    function(d) pgd:run(d, { model = in_lua }) end,
  } do
    lu.assertErrorMsgContains(" takes (3, 6, 5); transpose(1, 4, 2, 3) of the images", call, last)
    call(first)
  end
  for input, message in pairs {
    [{ 3, 0 }] = "model: input: expected the shape of a sample, { 3, 32, 32 }, got a table",
    text = 'got the string "text"', [1.5] = "got 1.5",
  } do
    local model = { classes = { 0, 1 }, scores = print, input = input }
    lu.assertErrorMsgContains(message, reject.scores, model, x)
  end
  lu.assertErrorMsgContains("its input has 90 features, its features are 4", reject.scores,
    { classes = { 0, 1 }, scores = print, input = { 3, 6, 5 }, features = 4 }, x)
end

-- What says nothing of an order, or the same one, passes.
function TestChannelsLast:test_the_same_order_in_other_words()
  local gray = net_of { 1, 6, 5 }
  for _, shape in ipairs { { 30 }, { 6, 5 }, { 6, 5, 1 }, { 1, 6, 5 }, { 10, 3 } } do
    lu.assertEquals(gray:scores(array.ones { n, table.unpack(shape) }).shape, { n, 2 })
  end
  lu.assertEquals(net:scores(array.ones { 90 }).shape, { 1, 2 })
  lu.assertEquals(net_of({ 90 }):scores(x).shape, { n, 2 })
end
