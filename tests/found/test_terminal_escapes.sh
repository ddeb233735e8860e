# A terminal obeyed what stood in files: names of layers, tensors and members, texts, messages of errors.
. tests/cli/tap.sh

# Everything that must not reach a terminal, in UTF-8, and as bytes that are no UTF-8; without what JSON or a
# file's name would take for its own.
cat > "$work/hostile.lua" <<'EOF2'
return {
  "<\27[31m\7\8\u{9b}2J\u{85}\u{9d}0;t\u{9c}\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\127\27]0;t\7>",
  "<\27[2J\155\0492J\157t\156\133\255\192\175\237\160\128\226\128>",
}
EOF2

# Is it text that a terminal only shows? A terminal's own lines end in \r\n.
cat > "$work/clean.lua" <<'EOF2'
local file <close> = assert(io.open(arg[1], "rb"))
local text, bad = file:read "a", {}
if not utf8.len(text) then bad[1] = "broken UTF-8" end
for c in text:gmatch "[\0-\8\11\12\14-\31\127]" do bad[#bad + 1] = ("\\x%02x"):format(c:byte()) end
for _, code in utf8.codes(utf8.len(text) and text or "") do
  if code >= 0x80 and code < 0xa0 or code >= 0x200e and code <= 0x200f or code >= 0x202a and code <= 0x202e
    or code >= 0x2066 and code <= 0x2069 then
    bad[#bad + 1] = ("U+%04X"):format(code)
  end
end
print(#bad == 0 and text:find(arg[2] or "", 1, true) and "clean" or #bad == 0 and "nothing shown"
  or table.concat(bad, " "))
EOF2

clean() { # title file what-stands-in-it
    check_equal "$1" "$("$perigee" "$work/clean.lua" "$2" "$3" 2>&1)" clean
}

# Files of every kind, in which a placeholder as long as the hostile text is then replaced by it.
cat > "$work/make.lua" <<'EOF2'
local folder, hostile = arg[1], dofile(arg[1] .. "/hostile.lua")[tonumber(arg[2])]
local mark = ("E"):rep(#hostile)
local function path(name) return folder .. "/" .. name end
local function read(name)
  local file <close> = assert(io.open(path(name), "rb"))
  return file:read "a"
end
local function write(name, bytes)
  local file <close> = assert(io.open(path(name), "wb"))
  file:write(bytes)
end
-- The header of a safetensors file, changed: once more under another name.
local function change(name, made, from, to)
  local bytes = read(name)
  local header, at = string.unpack("<s8", bytes)
  local changed, count = header:gsub(from, (to:gsub("%%", "%%%%")))
  assert(count > 0, from)
  write(made, string.pack("<s8", changed) .. bytes:sub(at))
end

local x, y = array.rand({ 20, 4 }, { seed = 1 }), {}
for i = 1, 20 do y[i] = i % 2 end
local d = data.new { x = x, y = y, source = mark }
local net = nn.new { input = { 4 }, nn.linear { out = 3, name = mark }, nn.relu { name = "r" }, nn.linear { out = 2 } }
nn.train(net, d, { epochs = 1 })
local svc = svm.new { kernel = svm.rbf(1) }:fit(d)
local defence = dnr.new { net = net, layers = { mark, "r" }, layer_classifier = svm.new { kernel = svm.rbf(1) },
  combiner = svm.new { kernel = svm.rbf(1) } }
defence:fit(d)
net:save(path "net")
svc:save(path "svm")
reject.new { model = net, threshold = 0 }:save(path "nr")
defence:save(path "dnr")
attack.pgd { model = net, norm = "l2", dmax = 1, max_iter = 3 }:run(d):save(path "result")
data.save_npz(path "npz", { [mark] = array.ones(2) })
data.save_safetensors(path "tensors", { [mark] = array.ones(2) }, { [mark] = mark })
_G[mark], _G.kept = mark, { [mark] = { mark, d, net } }
save(path "session", mark, "kept")
for _, name in ipairs { "net", "nr", "dnr", "tensors", "session" } do change(name, name, mark, hostile) end
write("npz", (read "npz":gsub(mark, hostile)))
for _, name in ipairs { "net", "svm", "nr", "dnr" } do
  change(name, name .. ".kind", '"kind\\":\\"%w+\\"', '"kind\\":\\"' .. hostile .. '\\"')
  change(name, name .. ".twice", "{", ('{"%s":{"dtype":"%s","shape":[],"data_offsets":[0,0]},'):format(hostile, hostile))
end
change("svm", "svm.kernel", '"rbf\\"', '"' .. hostile .. '\\"')
change("result", "result.word", '"l2\\"', '"' .. hostile .. '\\"')
change("result", "result.attack", '"attack\\":\\"pgd\\"', '"attack\\":\\"' .. hostile .. '\\"')
change("result", "result.model", '"model\\":\\"net\\"', '"model\\":\\"' .. hostile .. '\\"')
change("result", "result.params", '"dmax\\"', ('"%s\\":\\"%s\\",\\"dmax\\"'):format(hostile, hostile))
change("result", "result.seed", '"seed\\":\\"0\\"', '"seed\\":\\"' .. hostile .. '\\"')
write(hostile .. ".idx", "no IDX")
write(hostile .. ".lua", "error 'here'")
EOF2

# What a file of each kind shows: the value, what hangs on it, what fails. At the prompt it is the lines'
# value; in a script it is printed.
cat > "$work/look.lua" <<'EOF2'
local folder = arg and arg[1] or os.getenv "work"
hostile = dofile(folder .. "/hostile.lua")[tonumber(arg and arg[2] or os.getenv "which")]
local printer = require "perigee.printer"
-- Tables and strings as the prompt shows them; the program's own texts as they are.
local function show(value)
  print(type(value) == "userdata" and tostring(value) or printer.text(value, { width = 1000, lines = 10000 }))
end
function look()
  local function try(f, ...)
    local answers = table.pack(pcall(f, ...))
    for i = 2, answers.n do
      if type(answers[i]) == "string" and answers[i] ~= hostile then print(answers[i]) else show(answers[i]) end
    end
    return answers[2]
  end
  for _, name in ipairs { "net", "nr", "dnr", "svm", "result", "result.attack", "result.model", "result.params",
    "result.word", "result.seed", "svm.kernel", "net.kind", "nr.kind", "dnr.kind", "svm.kind", "net.twice",
    "nr.twice", "dnr.twice", "svm.twice" } do
    local model = try(perigee.load, folder .. "/" .. name)
    if type(model) == "userdata" then
      for _, key in ipairs { "layers", "trained", "params", "classifiers", "attack", "model", "net" } do
        local ok, value = pcall(function() return model[key] end)
        if ok then show { value } end
      end
      try(function() return model.nothing end)
      try(function() model:outputs(array.ones(2, 5), { hostile }) end)
      try(function() return model.weights[hostile .. "x"] end)
      try(function() model:set { [hostile] = 1 } end)
    end
  end
  try(data.read_npz, folder .. "/npz")
  try(data.safetensors, folder .. "/tensors")
  try(data.idx, folder .. "/" .. hostile .. ".idx", folder .. "/" .. hostile .. ".idx")
  try(perigee.load, folder .. "/" .. hostile .. ".idx")
  if rawget(_G, "restore") then
    try(restore, folder .. "/session")
    show { kept }
    show(who())
    print(who())
  end
  try(svm.new, { kernel = hostile })
  try(svm.new, { [hostile] = 1 })
  try(evaluate.security, { [hostile] = 1 })
  show(data.new { x = { { 1 } }, y = { 1 }, source = hostile })
end
if arg and arg[1] then look() end
EOF2

# Errors that end a script, and pictures.
cat > "$work/errors.txt" <<'EOF2'
perigee.load(folder .. "/net.kind")
perigee.load(folder .. "/svm.kernel")
perigee.load(folder .. "/" .. hostile)
dofile(folder .. "/" .. hostile .. ".lua")
error(hostile)
error(setmetatable({}, { __tostring = function() return hostile end }))
load("x = = 1", hostile)() load(hostile)()
local t = {} t[hostile].x = 1
nn.new { input = { 1 }, nn.relu { [hostile] = 1 } }
plot.figure { [hostile] = 1 }
plot.figure({ title = hostile }):nothing()
EOF2
cat > "$work/draw.lua" <<'EOF2'
local folder = arg[1]
local hostile = dofile(folder .. "/hostile.lua")[tonumber(arg[2])]
local function figure()
  local fig = plot.figure { title = hostile }
  fig[1]:line({ 1, 2 }, { 3, 4 }, { label = hostile })
  fig[1]:line({ 1, 2 }, { 3, 5 }, { label = hostile })
  fig[1].title, fig[1].xlabel = hostile, hostile
  return fig
end
local ok, net = pcall(perigee.load, folder .. "/net")
local out <close> = assert(io.open(folder .. "/scripts", "w"))
out:write((figure():script()))
if ok then out:write((plot.script("model", net, { title = hostile }))) end
io.write(perigee.picture({ { value = array.zeros(8, 8), caption = hostile } }, { mode = "plain", width = 90 }))
if not os.getenv "no_gnuplot" then
  figure():save(folder .. "/figure.html")
  figure():show { terminal = "text" }
  if ok then plot.model(net, { terminal = "text", title = hostile }) end
end
EOF2

cat > "$work/tty.exp" <<'EOF2'
log_user 0
set timeout 30
# Neither a line sent too early, whose echo falls into what is being printed, nor expect's forgetting of the
# older half of a full buffer may cut a character in two: on a busy machine both happen.
set stty_init -echo
match_max -d 2000000
set out [open $env(work)/tty w]
fconfigure $out -encoding binary -translation binary
spawn -noecho $env(PERIGEE) -q -i $env(work)/look.lua
fconfigure $spawn_id -encoding binary
foreach line {"look()" "kept" "kept, who()" "perigee.load(os.getenv 'work' .. '/net')" \
    "perigee.load(os.getenv 'work' .. '/net').layers" "perigee.load(os.getenv 'work' .. '/result.params').params" \
    "perigee.load(os.getenv 'work' .. '/net').trained" "(data.read_npz(os.getenv 'work' .. '/npz'))" \
    "perigee.load(os.getenv 'work' .. '/net.kind')" "error(hostile)" "hostile" "x = hostile .. nil" \
    "hostile:nothing()" "_ENV\[hostile\].x = 1" "print('the ' .. 'end')"} {
    expect -re {> $} { puts -nonewline $out $expect_out(buffer) } timeout {}
    send -- "$line\r"
}
expect -re {the end} { puts -nonewline $out $expect_out(buffer) } timeout { puts $out "no end" }
close $out
EOF2

export work which
command -v gnuplot > /dev/null || export no_gnuplot=1
for which in 1 2; do
    rm -f "$work"/*.gp "$work"/*.html
    printf 'arg = { "%s", %s } dofile "%s/make.lua" print "made"\n' "$work" "$which" "$work" > "$work/line"
    run_perigee -q -i < "$work/line"
    check_equal "the files are made ($which)" "$out$err" made
    run_perigee -q "$work/look.lua" "$work" "$which"
    check_equal "a script reads them ($which)" "$status" 0
    clean "what it prints ($which)" "$work/out" x1b
    clean "and says on stderr ($which)" "$work/err" ""
    printf '%s\n' 'look()' 'kept' 'who()' 'hostile' 'error(hostile)' 'nothing[hostile].x = 1' |
        "$perigee" -q -i "$work/look.lua" > "$work/out" 2>&1
    clean "a prompt in a pipe ($which)" "$work/out" x1b
    while IFS= read -r line; do
        printf 'local folder = arg[1]\nhostile = dofile(folder .. "/hostile.lua")[%s]\n%s\n' "$which" "$line" > "$work/error.lua"
        run_perigee -q "$work/error.lua" "$work"
        clean "$line ($which)" "$work/err" "perigee: "
    done < "$work/errors.txt"
    (cd "$work" && "$perigee" -q draw.lua "$work" "$which") > "$work/out" 2> "$work/err"
    clean "a terminal's pictures ($which)" "$work/out" x1b
    clean "what is said about them ($which)" "$work/err" ""
    clean "a script for gnuplot ($which)" "$work/scripts" x1b
    [ -z "${no_gnuplot:-}" ] && clean "a page ($which)" "$work/figure.html" x1b
    if command -v expect > /dev/null; then
        env HOME="$work" TERM=dumb NO_COLOR=1 LC_ALL=C.UTF-8 PERIGEE_HISTORY= INPUTRC=/dev/null PERIGEE="$perigee" \
            expect -f "$work/tty.exp"
        clean "a prompt in a terminal ($which)" "$work/tty" x1b
    else
        skip "a prompt in a terminal ($which)" "no expect here"
    fi
done

# Words of the command line and of the prompt: files' names get there as well.
escape=$(printf '<\033[31m\007>')
for words in "--$escape" "-$escape" "--solver=$escape" "--seed=$escape" "--threads=$escape" "$escape"; do
    run_perigee "$words"
    clean "a command line: ${words%%<*}" "$work/err" x1b
done
"$perigee" --solver "$escape" > "$work/err" 2>&1
clean "a command line: --solver and a word" "$work/err" x1b
PERIGEE_THREADS=$escape "$perigee" -e 'x = 1' > "$work/err" 2>&1
clean "PERIGEE_THREADS" "$work/err" x1b
PERIGEE_LUA=$escape "$perigee" -e 'x = 1' > "$work/err" 2>&1
clean "PERIGEE_LUA" "$work/err" x1b
for line in 'help("\27[31m\7")' 'help("attack.\27[31m")' "?? $escape" "?$escape" "?attack.pgd$escape"; do
    printf '%s\n' "$line" | "$perigee" -q -i > "$work/out" 2>&1
    clean "help: $(printf '%s' "$line" | tr -d '\033\007')" "$work/out" ""
done
finish
