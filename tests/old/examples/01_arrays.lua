-- 01_arrays.lua — arrays: n-dimensional, row-major, float32 unless asked; positions count from 1.

local a = array.new { { 1, 2, 3 }, { 4, 5, 6 } }
print(a)                                  -- its type, shape and contents
print(a.shape[1], a.shape[2], a.dtype, #a) -- 2  3  f32  2

print(a[1])                               -- a row, as a view: no copy
a[1]:set(10, 1)                           -- so this writes into a
print(a:at(1, 1))                         -- 10.0
print(a:slice(nil, { 2, 3 }))             -- all rows, columns 2 to 3

print(a + 1)                              -- arithmetic broadcasts
print(a * array.new { 1, 0, 2 })
print(a:gt(4))                            -- comparisons give masks of int32

print(a:sum(), a:mean(), a:max())
print(a:sum(1))                           -- along the first axis: a sum a column
print(a:argmax(2))                        -- a position (from 1) a row

print(a.T:matmul(a))                    -- OpenBLAS
print(array.linspace(0, 1, 5))
print(array.randn({ 2, 3 }, { seed = 1 })) -- the same numbers every time
