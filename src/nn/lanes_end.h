/* lanes_end.h — forgets the names of lanes_avx512.h or lanes_avx2.h. */
#undef TARGET
#undef INLINE
#undef NAME
#undef VECTOR
#undef LANES
#undef WIDE
#undef LOAD
#undef STORE
#undef SPREAD
#undef FMA
#undef LOAD_SOME
#undef STORE_SOME
