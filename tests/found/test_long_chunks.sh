# A chunk of a PNG that nobody needs took as much memory as it said that it was long: up to two gigabytes for a small file.
. tests/cli/tap.sh

case $perigee in
    */asan/*)
        skip "a long chunk in little memory" "an instrumented build"
        finish
        exit 0
        ;;
esac
[ -r /proc/self/status ] || { skip "a long chunk in little memory" "the system does not tell it"; finish; exit 0; }

cat > "$work/chunk.lua" <<'EOF'
local folder = arg[1]
assert(os.execute(("mkdir -p '%s/class'"):format(folder)))
local from <close> = assert(io.open("tests/fuzz/corpus/png/a-rgb", "rb"))
local bytes = from:read "a"
local head = 8 + 25 -- with IHDR
local to = assert(io.open(folder .. "/class/one.png", "wb"))
to:write(bytes:sub(1, head), string.pack(">I4", 500 << 20), "sPLT", bytes:sub(head + 1))
to:close()
local function peak()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmPeak:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) end
  end
end
local before = peak()
local _, message = pcall(data.images, folder)
print(message, peak() - before < 100000)
EOF
run_perigee --threads 1 "$work/chunk.lua" "$work/pictures"
check_match "it is passed over" "$out$err" '*a damaged PNG: truncated*true'
finish
