# One variable whose __tostring raises, that is nested too deep or is closed made save() and who() fail whole.
. tests/cli/tap.sh

cat > "$work/lines" << 'LUA'
good = { 1, 2 }
u = setmetatable({ 7 }, { __tostring = function() error "boo" end })
k = { [setmetatable({}, { __tostring = error })] = 1 }
deep = {} do local t = deep for i = 1, 150 do t[1] = {} t = t[1] end end
do local a <close> = array.zeros(3) c = { inner = a } end
do local n <close> = nn.new { input = 3, nn.linear { out = 2 } } net = n end
in_lua = { classes = { 1, 2 }, scores = function(_, x) return array.zeros(#x, 2) end }
n = reject.new { model = in_lua, threshold = 0 }
bad = setmetatable({}, { __len = error, __index = error, __pairs = error, __name = {} })
LUA
printf '%s\n' 'u' 'k' 'net' 'c' 'bad' '{ net }' 'who()' 'show(c.inner)' 'show({ c.inner })' 'show(net)' |
    cat "$work/lines" - | "$perigee" -q -i > "$work/out" 2>&1
out=$(cat "$work/out")
check_match "a __tostring that raises is told of" "$out" "<table whose __tostring failed: prompt:1: boo>*"
check_match "in keys too" "$out" "*{ [[]<table whose __tostring failed>] = 1 }*"
check_match "a closed object is shown as one" "$out" \
    "*<a net that was closed>*{ inner = Array (closed) }*{}*{ <a net that was closed> }*"
check_match "who shows the others" "$out" "*deep    table  1 entry*good    table  2 entries*n       nr*u       table*"
check_match "show names itself" "$out" \
    "*show: x: expected an array*, got an array that was closed*show: x:*array*show: x:*a net that was closed*"

cat > "$work/after" << LUA
save("$work/all")
pcall(save, "$work/one", "deep")
pcall(save, "$work/one", "c")
t = {} restore("$work/all", { into = t })
print(t.good[2], t.u[1], t.deep, t.c, t.net, t.in_lua, t.n, (next(t.k)))
LUA
cat "$work/lines" "$work/after" | "$perigee" -q -i > "$work/out" 2>&1
out=$(cat "$work/out")
for words in "c (c.inner is an array that was closed)" "deep (tables are nested more than 100 deep)" \
    "net (net is a net that was closed)" "in_lua (in_lua.scores is a function)" \
    "n (n cannot be saved: model: a lua model is not made of numbers alone and cannot be saved)"; do
    check_match "not kept: $words" "$out" "*not kept: $words
*"
done
check_match "the others are kept" "$out" "*2	7	nil	nil	nil	nil	nil	table: *"
check_match "asked for by name, it is an error" "$out" \
    "*save: deep cannot be kept in a file: tables are*save: c cannot be kept in a file: c.inner is an*"
check "and writes nothing" test ! -e "$work/one"

cat > "$work/odds" << LUA
two = data.new { x = array.rand(20, 2, { seed = 1 }), y = array.arange(20) % 2 }
c, out = svm.new {}, nn.new { input = 2, seed = 1, nn.linear { out = 2, name = "out" } }
d = dnr.new { net = out, layers = { "out" }, layer_classifier = svm.new {}, combiner = c }:fit(two, { folds = 2 })
d.combiner:fit(data.new { x = array.rand(20, 3, { seed = 1 }), y = array.arange(20) % 2 })
save("$work/odds.pgz")
LUA
"$perigee" -q -i < "$work/odds" > "$work/out" 2>&1
check_match "nor is a dnr whose parts do not fit, alone" "$(grep "not kept" "$work/out")" \
    "not kept: d (d cannot be saved: dnr: combiner: the svm takes 3 features, its input here has 2)"
check "the rest is there" test -e "$work/odds.pgz"

# Neither does one that no file has room for, or that no reader would take.
cat > "$work/large" << LUA
a = array.ones(2)
many = {} for i = 1, 20000 do many[i] = a:copy() end
bytes = ("\xe9"):rep(60 * 1000 * 1000)
classes = {} for k = 1, 99980 do classes[k] = k end
net = nn.new { input = { 1 }, classes = classes, nn.linear { out = #classes } }
deep = { inner = { net } }
y, z = { a }, { 1 }
shared = { y, z }
b = { y, many }
save("$work/large.all")
t = {} restore("$work/large.all", { into = t })
print(t.b, t.shared[1] == t.y, t.shared[2] == t.z, t.z[1], t.many, t.bytes, t.net, t.deep)
pcall(save, "$work/one", "many")
LUA
"$perigee" -q -i < "$work/large" > "$work/out" 2>&1
out=$(cat "$work/out")
for words in "bytes (a string of 60 MB, which takes 120 in a file; *)" "net (net cannot be saved: *values)" \
    "deep (something in it cannot be saved: *values)" \
    "many (something in it cannot be saved: 16385 arrays and 0 texts; at most 16384 of each)"; do
    check_match "not kept: ${words%% *}" "$out" "*not kept: $words
*"
done
check_match "the others are kept, and what they share" "$out" "*nil	true	true	1	nil	nil	nil	nil*"
check_match "asked for by name, it is an error too" "$out" "*save: many cannot be kept in a file: something*"
check "and writes nothing either" test ! -e "$work/one"
finish
