-- large.lua READER FILE — a file of about 200 kB for one of the readers of tests/fuzz/readers; nothing for
-- those whose small seeds in a row are as good.

local reader, file = table.unpack(arg)

local function digits(n) return data.digits(n, { seed = 1 }) end

local function write(bytes)
  local to <close> = assert(io.open(file, "wb"))
  to:write(bytes)
end

local function net()
  return nn.new {
    input = { 1, 28, 28 }, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, seed = 1,
    nn.conv2d { out = 4, kernel = 5 }, nn.relu(), nn.flatten(), nn.linear { out = 10 },
  }
end

local function idx()
  local pixels = {}
  math.randomseed(1)
  for i = 1, 300 * 784 do pixels[i] = string.char(math.random(0, 255)) end
  return "\0\0\8\3" .. string.pack(">I4I4I4", 300, 28, 28) .. table.concat(pixels)
end

local make = {}

function make.idx() write(idx()) end

function make.gzip()
  write(idx())
  assert(os.execute(("gzip -c '%s' > '%s.gz' && mv '%s.gz' '%s'"):format(file, file, file, file)))
end

function make.npy() data.save_npy(file, array.rand(200, 250)) end

function make.npz()
  data.save_npz(file, { a = array.rand(200, 100), b = array.zeros(300, 100) }, { compress = true })
end

function make.safetensors()
  local arrays = {}
  for i = 1, 500 do arrays["array" .. i] = array.rand(10, 10) end
  data.save_safetensors(file, arrays, { note = ("text"):rep(5000) })
end

function make.model() net():save(file) end

function make.result()
  attack.pgd({ model = net(), norm = "l2", dmax = 1, max_iter = 9, seed = 1 }):run(digits(20)):save(file)
end

function make.session()
  local list = {}
  for i = 1, 3000 do list[i] = { i, "text", { half = i / 2 } } end
  require("perigee.archive").write(file, { list = list, net = net(), digits = digits(30) })
end

if make[reader] then make[reader]() else write "" end
