# Readers of files took up to nine times the memory of what they read, and believed what a small file promised.
. tests/cli/tap.sh

case $perigee in
    */asan/*)
        skip "peak memory" "an instrumented build"
        finish
        exit 0
        ;;
esac
[ -r /proc/self/status ] || { skip "peak memory" "the system does not tell it"; finish; exit 0; }

# Reads `file` by the expression; says "bytes of the arrays: true or false" and the message of a failure.
# What is no array has as many bytes as the third argument says.
cat > "$work/peak.lua" <<'EOF'
local folder, expression, known = arg[1], arg[2], math.tointeger(tonumber(arg[3]))
local read = assert(load("local file = ... return " .. expression))
local function peak()
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match("^VmHWM:%s*(%d+)")
    if kilobytes then return kilobytes * 1024 end
  end
end
local before, started = peak(), os.clock()
local ok, answer = pcall(read, folder)
local bytes = 0
local sizes = { f32 = 4, f64 = 8, i32 = 4, u8 = 1 }
local function add(a) bytes = bytes + a.size * sizes[a.dtype] end
if not ok then print(answer) elseif known then bytes = assert(answer) and known elseif type(answer) == "table" then
  for _, a in pairs(answer) do add(a) end
else add(answer) end
local taken = peak() - before
print(("%d: %s"):format(bytes, taken <= 1.3 * bytes + 16 * 2^20 or taken))
if os.clock() - started > 3 then print "slow" end
EOF

cat > "$work/make.lua" <<'EOF'
local folder = arg[1]
local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
end
local function npy(code, order, count)
  local text = ("{'descr': '%s', 'fortran_order': %s, 'shape': (4096, %d), }\n"):format(code, order, count // 4096)
  return "\x93NUMPY\1\0" .. string.pack("<s2", text)
end
local mega = 2^20 | 0
write("plain.npy", npy("<f4", "False", 12 * mega) .. ("\0"):rep(48 * mega))
write("turned.npy", npy("<f8", "True", 6 * mega) .. ("\0"):rep(48 * mega))
write("bytes.npy", npy("|u1", "False", 12 * mega) .. ("\1"):rep(12 * mega))
write("short.npy", npy("<f4", "False", 400 * mega) .. ("\0"):rep(mega))
write("images", string.pack(">I4I4I4I4", 0x00000803, 1024, 128, 96) .. ("\3"):rep(12 * mega))
write("doubles", string.pack(">I4I4I4I4", 0x00000e03, 1024, 64, 96) .. ("\0"):rep(48 * mega))
write("labels", string.pack(">I4I4", 0x00000801, 1024) .. ("\1"):rep(1024))
write("promise", string.pack(">I4I4I4I4", 0x00000803, 1024, 256, 257) .. ("\0"):rep(64 * mega))
write("cifar.bin", ("\1" .. ("\3"):rep(3072)):rep(4096))
write("table.csv", (("0.25,1,"):rep(384) .. "7\n"):rep(16384))
write("table.svm", ("1 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9 768:0.5\n"):rep(16384))
write("promise.svm", ("1 1:1\n"):rep(1000000) .. "1 100000:1\n")
local crc32 = dofile "tests/lua/crc32.lua"
local function chunk(kind, bytes)
  return string.pack(">I4", #bytes) .. kind .. bytes .. string.pack(">I4", crc32(kind .. bytes))
end
local function png(side, pixels)
  return "\x89PNG\r\n\x1a\n" .. chunk("IHDR", string.pack(">I4I4BBBBB", side, side, 8, 2, 0, 0, 0))
    .. chunk("IDAT", pixels) .. chunk("IEND", "")
end
-- Black, in blocks that are not packed.
local left, pixels = 512 * (1 + 3 * 512), "\x78\1"
local sum = string.pack(">I4", left % 65521 << 16 | 1)
while left > 0 do
  local n = math.min(left, 65535)
  left = left - n
  pixels = pixels .. string.pack("<BI2I2", left == 0 and 1 or 0, n, n ~ 0xffff) .. ("\0"):rep(n)
end
os.execute(("mkdir -p %s/pictures/a %s/claim/a"):format(folder, folder))
local picture = png(512, pixels .. sum)
for i = 1, 16 do write(("pictures/a/%d.png"):format(i), picture) end
write("claim/a/a.png", png(5000, ("\0"):rep(20000)))
local a = array.zeros(12 * mega)
data.save_npz(folder .. "/stored.npz", { a = a })
data.save_npz(folder .. "/packed.npz", { a = a }, { compress = true })
data.save_safetensors(folder .. "/a.safetensors", { a = a })

-- Models, a result and a session whose arrays take 48 MB or more, most of it in one.
local function net(input, classes, ...)
  local labels = {}
  for c = 1, classes do labels[c] = c end
  return nn.new { input = input, classes = labels, ... }
end
local function machine(rows, features)
  return svm.from { sv = array.zeros(rows, features), alpha = array.zeros(2, rows, { dtype = "f64" }),
    b = { 0, 0 }, classes = { 1, 2 }, kernel = svm.rbf(1) }
end
local fc = net({ mega }, 12, nn.linear { out = 12 })
fc:save(folder .. "/net")
net({ 3, 1024, 1024 }, 4, nn.conv2d { out = 4, kernel = 1024 }, nn.flatten {}):save(folder .. "/conv")
local weights, texts = data.safetensors(folder .. "/net")
for name, weight in pairs(weights) do weights[name] = weight:astype "f64" end
data.save_safetensors(folder .. "/net64", weights, texts)
machine(12, mega):save(folder .. "/svm")
machine(mega, 8):save(folder .. "/narrow")
reject.new({ model = fc, threshold = 1 }):save(folder .. "/nr")
local wide = net({ 4 }, 2, nn.linear { out = mega, name = "wide" }, nn.linear { out = 2 })
reject.layer({ net = wide, layer = "wide", classifier = machine(12, mega) }):save(folder .. "/layer")
dnr.new({ net = wide, layers = { "wide" }, layer_classifier = machine(12, mega),
  combiner = machine(2, 2) }):save(folder .. "/dnr")
local x, y = array.zeros(12, mega), array.arange(12):astype "i32" + 1
attack.fgsm({ model = fc, dmax = 0.1, iterates = true }):run(data.new { x = x:slice({ 1, 4 }), y = y:slice({ 1, 4 }) })
  :save(folder .. "/result")
data.save_npz(folder .. "/floats.npz", { x = x, y = y })
data.save_npz(folder .. "/doubles.npz", { x = x:astype "f64", y = y })
data.save_npz(folder .. "/bytes.npz", { x = x:astype "i32", y = y }, { compress = true })
require("perigee.archive").write(folder .. "/session", { x, data.new { x = x, y = y }, fc })

-- A directory of 500 entries, each of which is the archive's one packed stream.
local file <close> = assert(io.open(folder .. "/packed.npz", "rb"))
local bytes = file:read "a"
local size, at = string.unpack("<I4I4", bytes, (bytes:match "PK\5\6........()"))
local entry, entries = bytes:sub(at + 1, at + size), {}
local name = entry:find("a.npy", 1, true)
for i = 1, 500 do
  entries[i] = entry:sub(1, 28) .. string.pack("<I2", 9) .. entry:sub(31, name - 1) .. ("a%04d.npy"):format(i)
    .. entry:sub(name + 5)
end
local directory = table.concat(entries)
write("shared.npz", bytes:sub(1, at) .. directory .. "PK\5\6"
  .. string.pack("<I2I2I2I2I4I4I2", 0, 0, 500, 500, #directory, at, 0))

local function model(name_, text)
  local header = ('{"__metadata__":{"perigee":%q},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'):format(text)
  write(name_, string.pack("<s8", header) .. "\0\0\0\0")
end
model("wide.safetensors", '{"kind":"net","input":[1,32768,32768],"layers":[{"kind":"relu"}]}')
model("deep.safetensors", '{"kind":"net","input":[4],"layers":[' .. ('{"kind":"relu"},'):rep(30000)
  .. '{"kind":"relu"}]}')
model("weighted.safetensors", '{"kind":"svm","weighted":[' .. ("1,"):rep(45000) .. '1],"weight":['
  .. ("1,"):rep(45000) .. "1]}")
write("session.short", string.pack("<s8", '{"__metadata__":{"perigee.session":"{\\"values\\":['
  .. ("[],"):rep(4 * mega) .. '1]}"}}'))
model("long.safetensors", '{"kind":"net","classes":[' .. ("1,"):rep(3 * mega) .. "1]}")
EOF
run_perigee "$work/make.lua" "$work"
check_equal "the files are made" "$status" 0
gzip -1 -c "$work/images" > "$work/images.gz" && gzip -9 -c "$work/promise" > "$work/promise.gz"

peak() { # title expression answer
    run_perigee "$work/peak.lua" "$work" "$2"
    check_match "$1" "$out$err" "$3"
}
loaded() { # title file expression: as many bytes as are in the file
    bytes=$(($(wc -c < "$work/$2")))
    run_perigee "$work/peak.lua" "$work" "$3" "$bytes"
    check_match "$1" "$out$err" "$bytes: true"
}

peak "npy" 'data.npy(file .. "/plain.npy")' '50331648: true'
peak "npy in Fortran's order" 'data.npy(file .. "/turned.npy")' '50331648: true'
peak "npy of bytes" 'data.npy(file .. "/bytes.npy")' '12582912: true'
peak "npy that is too short" 'data.npy(file .. "/short.npy")' '*truncated*0: true'
peak "npz, stored" 'data.read_npz(file .. "/stored.npz")' '*: true'
peak "npz, packed" 'data.read_npz(file .. "/packed.npz")' '*: true'
peak "npz of one stream for all" 'data.read_npz(file .. "/shared.npz")' '*entries overlap*0: true'
peak "safetensors" 'data.safetensors(file .. "/a.safetensors")' '*: true'
peak "IDX" 'data.idx(file .. "/images", file .. "/labels").x' '50331648: true'
peak "IDX of doubles" 'data.idx(file .. "/doubles", file .. "/labels").x' '25165824: true'
peak "gzip IDX" 'data.idx(file .. "/images.gz", file .. "/labels").x' '50331648: true'
peak "gzip IDX that promises too much" 'data.idx(file .. "/promise.gz", file .. "/labels").x' '*truncated*0: true'
peak "IDX as bytes" 'data.idx(file .. "/images", file .. "/labels", { store = "u8" }).x' '12582912: true'
peak "gzip IDX as bytes" 'data.idx(file .. "/images.gz", file .. "/labels", { store = "u8" }).x' '12582912: true'
peak "CIFAR" 'data.cifar10("test", { path = file .. "/cifar.bin" }).x' '12582912: true'
peak "CIFAR as floats" 'data.cifar10("test", { path = file .. "/cifar.bin", store = "f32" }).x' '50331648: true'
peak "CSV" 'data.csv(file .. "/table.csv").x' '50331648: true'
peak "svmlight" 'data.svmlight(file .. "/table.svm").x' '50331648: true'
peak "svmlight of few numbers in many columns" 'data.svmlight(file .. "/promise.svm").x' '*are not 0*0: true'
peak "pictures" 'data.images(file .. "/pictures").x' '12582912: true'
peak "pictures as floats" 'data.images(file .. "/pictures", { store = "f32" }).x' '50331648: true'
peak "a picture that promises too much" 'data.images(file .. "/claim").x' '*damaged PNG*0: true'
peak "model of a large input" 'array.zeros(#perigee.load(file .. "/wide.safetensors").classes)' '*0: true'
peak "model of many layers" 'perigee.load(file .. "/deep.safetensors")' '*at most*0: true'
peak "model of many weights" 'perigee.load(file .. "/weighted.safetensors")' '*0: true'
peak "model of a long description" 'perigee.load(file .. "/long.safetensors")' '*more than * values*0: true'

peak "session of a long description" 'require("perigee.archive").read(file .. "/session.short")' \
    '*more than 100000 values*' # and three times its 12 MB: the header, its text, the description
check_match "… in little memory" "$([ "${out##*: }" -lt 60000000 ] && echo yes)" "yes"

for model in net conv svm narrow nr layer dnr result; do
    loaded "$model" $model "perigee.load(file .. '/$model')"
done
loaded "net of doubles" net 'perigee.load(file .. "/net64")'
loaded "session" session 'require("perigee.archive").read(file .. "/session")'
# A result of many small samples: the bound above does not hold for the headers of their traces, which the help of
# result:save gives as 800 bytes a sample.
cat > "$work/small.lua" <<'EOF'
local n, path = 50000, arg[1] .. "/small"
local net = nn.new { input = 2, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
if arg[2] == "save" then
  local samples = data.new { x = array.rand(n, 2, { seed = 1 }), y = array.arange(n) % 2 }
  attack.fgsm({ model = net, dmax = 0.1 }):run(samples):save(path)
  return
end
local file <close> = assert(io.open(path, "rb"))
local bytes, before = file:seek "end", peak()
local result = perigee.load(path)
local each = (peak() - before - bytes) / #result
print(each < 800 or each)
EOF
sed '1,/^local read/d; /^local before/,$d' "$work/peak.lua" | cat - "$work/small.lua" > "$work/samples.lua"
run_perigee "$work/samples.lua" "$work" save
run_perigee "$work/samples.lua" "$work"
check_equal "samples of a result" "$out$err" true

# Asking which variables can be kept made a copy of all of them, beside the one that is written.
cat > "$work/save.lua" <<'EOF'
local turned, names = array.ones(2048, 2048):transpose(), {}
for i = 1, 6 do
  names[i] = "turned" .. i
  rawset(_G, names[i], turned)
end
return require("perigee.session").save(... .. "/saved", table.unpack(names))
EOF
run_perigee "$work/peak.lua" "$work" 'loadfile(file .. "/save.lua")(file)' $((7 * 16 << 20))
check_equal "saving a session" "$out$err" "$((7 * 16 << 20)): true"

# What works on a set of bytes has floats of some samples at a time, 25 MB at most: 48 MB of bytes
# never become 192 MB of floats.
cat > "$work/pieces.lua" <<'EOF'
local small = data.cifar10("test", { path = ... .. "/cifar.bin" })
local set = small:concat(small, small, small)
local net = nn.new { input = { 3, 32, 32 }, classes = { 1, 2 }, seed = 1,
  nn.maxpool { kernel = 8, stride = 8 }, nn.flatten(), nn.linear { out = 2 } }
nn.train(net, set, { epochs = 1, validation = set })
net:predict(set)
reject.new({ model = net, threshold = 0 }):threshold_for(0.1, set)
for _ in set:batches(1000) do end
return attack.pgd({ model = net, norm = "linf", dmax = 0.03, max_iter = 2 }):run(set:slice(1, 50))
EOF
run_perigee "$work/peak.lua" "$work" 'loadfile(file .. "/pieces.lua")(file)' $((96 << 20))
check_equal "training, scoring and attacking bytes" "$out$err" "$((96 << 20)): true"
for set in floats doubles bytes; do
    peak "scaled dataset of $set" "data.npz(file .. '/$set.npz', { scale = 2 }).x" '50331648: true'
done
finish
