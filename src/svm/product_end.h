/* product_end.h — forgets a type's names (product.c). */
#undef NAME
#undef REAL
#undef VECTOR
#undef LANES
#undef ZERO
#undef LOAD
#undef STORE
#undef SPREAD
#undef FMA
