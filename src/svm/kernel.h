/* kernel.h — kernels: a table, one entry a kernel.
 *
 *     linear  x·s
 *     rbf     exp(−gamma ‖x − s‖²)
 *     poly    (gamma x·s + coef0)^degree
 */
#ifndef PERIGEE_SVM_KERNEL_H
#define PERIGEE_SVM_KERNEL_H

typedef enum KernelKind { KERNEL_LINEAR, KERNEL_RBF, KERNEL_POLY } KernelKind;

typedef struct Kernel {
    KernelKind kind;
    double gamma, coef0;
    int degree;
} Kernel;

#endif
