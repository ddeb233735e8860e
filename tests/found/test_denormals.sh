# Numbers too small for a whole mantissa made products and training up to a hundred times slower: they count as 0
# there, in what is read and in what comes out, on every thread, and nowhere else.
. tests/cli/tap.sh

case $(uname -m) in
    x86_64 | aarch64) ;;
    *)
        skip "denormals" "no mode of this processor's is known"
        finish
        exit 0
        ;;
esac

cat > "$work/tiny.lua" <<'EOF'
local folder = arg[1]

-- One call, and many tiles.
for _, n in ipairs { 2, 300 } do
  for _, case in ipairs { { "f32", 1e-40, 1e-20 }, { "f64", 1e-310, 1e-160 } } do
    local dtype, tiny, small = table.unpack(case)
    local x, one = array.full({ n, n }, tiny, { dtype = dtype }), array.eye(n, { dtype = dtype })
    print("read", x:matmul(one * 2 ^ 20):max())
    print("computed", (one * small):matmul(one * small):max())
    print("normal", (one * small):matmul(one * small * 1e20):max() > 0)
    print("restored", (x * 1):min() > 0)
  end
end

local x = array.full({ 70000 }, 1e-40)
print("kept", (x / 2):min() > 0, x:sum() > 6e-36, x:gt(0):all(), 5e-324 * 1 > 0)

local function net_of(value)
  local net = nn.new { input = { 1, 8, 8 }, classes = { 0, 1, 2 }, seed = 1, nn.conv2d { out = 2, kernel = 3 },
    nn.relu(), nn.flatten(), nn.linear { out = 3 } }
  local weights = {}
  for name, values in pairs(net:weights()) do weights[name] = array.full(values.shape, value) end
  data.save_safetensors(folder .. "/weights.safetensors", weights)
  net:load_weights(folder .. "/weights.safetensors")
  return net
end

-- 1e-40 · 1e30 is normal, and so is the product of three weights of 1e-20 with an input of 1e30.
local bright = array.full({ 64, 64 }, 1e30)
print("net", net_of(1e-40):scores(bright):max(), net_of(1e-10):scores(bright):max() > 0)
print("net's gradient", net_of(1e-20):gradient(bright, { 1, 0, 0 }):max())

local net = net_of(1e-39)
local ds = data.new { x = array.full({ 64, 64 }, 1e-39), y = array.arange(64) % 3, shape = { 8, 8 } }
nn.train(net, ds, { epochs = 1, seed = 1, lr = 1e-40, weight_decay = 1 })
local largest = 0
for _, w in pairs(net:weights()) do largest = math.max(largest, w:abs():max()) end
print("trained", largest)

-- The slope of a kernel far from its points.
local machine = svm.new { kernel = svm.rbf { gamma = 1 } }:fit(data.new { x = { { 0 }, { 1 } }, y = { 0, 1 } })
for _, at in ipairs { 10, 10.8 } do
  print("svm at " .. at, machine:gradient(array.new { { at } }, { 1, 0 }):abs():max() > 0)
end
EOF

product="read	0.0
computed	0.0
normal	true
restored	true"
expected="$product
$product
$product
$product
kept	true	true	true	true
net	0.0	true
net's gradient	0.0
trained	0
svm at 10	true
svm at 10.8	false"
for threads in 1 2 3 4; do
    run_perigee --threads $threads "$work/tiny.lua" "$work"
    check_equal "denormals with $threads threads" "$status$err$out" "0$expected"
done
finish
