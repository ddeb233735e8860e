-- killed.lua WORK FOLDER — what is killed at random moments by tests/inject/kills.sh:
--
--   train   a training with a checkpoint in FOLDER; prints the bits of its weights
--   sweep   an evaluation that is kept in FOLDER; prints the bits of its rows
--   saves   files of every kind (kinds.lua) over one another in FOLDER for ever; what they are in turn is put
--           into FOLDER/old and FOLDER/new before, and "ready" is printed

local work, folder = arg[1], arg[2]
local native = require "perigee.native"
io.stdout:setvbuf "line"

local works = {}

function works.train()
  local digits = data.digits(200, { seed = 1 })
  local net = nn.new {
    input = { 1, 28, 28 }, seed = 1, nn.conv2d { out = 4, kernel = 5, stride = 3 }, nn.relu {}, nn.dropout {},
    nn.flatten {}, nn.linear { out = 60 }, nn.relu {}, nn.linear { out = 10 },
  }
  local history = nn.train(net, digits, { epochs = 25, batch = 16, lr = 0.02, momentum = 0.9, seed = 2,
    schedule = "cosine", augment = { noise = 0.1 }, validation = digits:slice(1, 50), patience = 25,
    checkpoint = folder .. "/run.safetensors" })
  local bits = {}
  for name, values in pairs(net:weights()) do bits[#bits + 1] = name .. native.checksum(values) end
  table.sort(bits)
  print(#history.loss, table.concat(bits, " "), ("%a"):format(history.loss[#history.loss]))
end

function works.sweep()
  local net = nn.load "mnist-cnn"
  local evaluation = evaluate.security {
    models = { cnn = net, nr = reject.new { model = net, threshold = 5 } },
    attacks = { attack.pgd { norm = "l2", max_iter = 8 }, attack.fgsm { norm = "l2" } },
    data = data.digits(60, { seed = 1 }), samples = 20, block = 5, repeats = 2, dmax = { 0, 0.5, 1.5 },
    seed = 3, checkpoint = folder,
  }
  for _, cell in ipairs(evaluation.cells) do
    local bits = {}
    for name, rows in pairs(cell.rows) do
      bits[#bits + 1] = type(rows) == "userdata" and name .. native.checksum(rows) or nil
    end
    table.sort(bits)
    print(cell.model, cell.attack, cell.seed, table.concat(bits, " "))
  end
end

function works.saves()
  local kinds = dofile "tests/inject/kinds.lua"
  local objects, names = { old = kinds.objects(1), new = kinds.objects(2) }, {}
  for _, name in ipairs(kinds.names) do
    local kind = kinds.saves[name]
    if not (kind.grows or kind.slow or kind.picture and name ~= "loss.png" or name == "loss.gp") then
      names[#names + 1] = name
    end
  end
  for _, state in ipairs { "old", "new", "now" } do
    assert(native.make_folder(folder .. "/" .. state))
    for _, name in ipairs(names) do
      kinds.saves[name].save(objects[state] or objects.old, ("%s/%s/%s"):format(folder, state, name))
    end
  end
  print "ready"
  while true do
    for _, state in ipairs { "new", "old" } do
      for _, name in ipairs(names) do
        kinds.saves[name].save(objects[state], ("%s/now/%s"):format(folder, name))
      end
    end
  end
end

works[work]()
