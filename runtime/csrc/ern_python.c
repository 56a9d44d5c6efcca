/* Functions that CPython calls straight from a shared library, without an argument converter in between.
 *
 * Only the limited API is used. Its few prototypes are declared here, weak, so that neither building nor loading
 * needs Python; a process without Python sees null pointers and never calls these functions.
 * Source: https://docs.python.org/3/c-api/stable.html (Py_buffer is part of it from 3.11 on).
 */
#include "ern_library.h"

#if defined(__GNUC__)

#define ERN_WEAK extern __attribute__((weak))
#define ERN_METH_FASTCALL 0x80
#define ERN_METH_O 0x08

typedef struct ern_object ern_object;

/* Py_buffer */
typedef struct {
    void *buf;
    ern_object *obj;
    ptrdiff_t len, itemsize;
    int readonly, ndim;
    char *format;
    ptrdiff_t *shape, *strides, *suboffsets;
    void *internal;
} ern_buffer;

/* PyMethodDef; function is a PyCFunction or, with METH_FASTCALL, a PyCFunctionFast. */
typedef struct {
    const char *name;
    void (*function)(void);
    int flags;
    const char *doc;
} ern_method;

ERN_WEAK int PyObject_GetBuffer(ern_object *object, ern_buffer *view, int flags);
ERN_WEAK void PyBuffer_Release(ern_buffer *view);
ERN_WEAK char *PyByteArray_AsString(ern_object *object);
ERN_WEAK ern_object *PyObject_CallFunctionObjArgs(ern_object *callable, ...);
ERN_WEAK ern_object *PyTuple_New(ptrdiff_t size);
ERN_WEAK int PyTuple_SetItem(ern_object *tuple, ptrdiff_t position, ern_object *item);
ERN_WEAK void Py_IncRef(ern_object *object);
ERN_WEAK void Py_DecRef(ern_object *object);

/* What the loader puts at the first multiple of 64 of the byte array that is "self"; it lives as long as self.
 *
 * model    the structure of the model, in the same byte array
 * inputs   for each input, a place for a frame that is not aligned
 * outputs  for each output, the memory of an array that belongs to the session
 * copy     for each output, a callable that returns a copy of that array
 * refuse   a callable (status, tuple of frames) that raises
 * status   the codes of ern_status as Python integers
 *
 * The rest is for ern_run_real, and null where the model has other ports than one input and one output with scales:
 *
 * real_input   a place for a frame of real values
 * real_output  the memory of an array of real values that belongs to the session
 * copy_real    a callable that returns a copy of that array
 * refuse_real  as refuse, for a frame of real values
 * per_unit     1 / scale of the input
 * unit         scale of the output
 */
typedef struct {
    void *model;
    void **inputs;
    void **outputs;
    ern_object **copy;
    ern_object *refuse;
    ern_object **status;
    float *real_input;
    float *real_output;
    ern_object *copy_real;
    ern_object *refuse_real;
    float per_unit;
    float unit;
} ern_session;

#define ERN_MAX_INPUTS 64

static ern_session *ern_session_of(ern_object *self)
{
    const uintptr_t start = (uintptr_t)PyByteArray_AsString(self);
    return (ern_session *)((start + 63) & ~(uintptr_t)63);
}

static ern_object *ern_tuple_of(ern_object *const *items, ptrdiff_t count)
{
    ern_object *tuple = PyTuple_New(count);
    for (ptrdiff_t k = 0; tuple && k < count; k++) {
        Py_IncRef(items[k]);
        (void)PyTuple_SetItem(tuple, k, items[k]);
    }
    return tuple;
}

/* NULL, with the exception that the callable raises. */
static ern_object *ern_raise(ern_object *refuse, ern_object *status, ern_object *const *frames, ptrdiff_t count)
{
    ern_object *tuple = ern_tuple_of(frames, count);
    if (!tuple)
        return NULL;
    ern_object *result = PyObject_CallFunctionObjArgs(refuse, status, tuple, (ern_object *)NULL);
    Py_DecRef(tuple);
    return result;
}

static ern_object *ern_refuse(const ern_session *session, ern_status status, ern_object *const *frames, ptrdiff_t count)
{
    return ern_raise(session->refuse, session->status[status], frames, count);
}

/* The memory of a frame, or NULL with an exception set. */
static const void *ern_open_frame(const ern_session *session, ern_object *frame, uint32_t number, ern_buffer *view)
{
    if (PyObject_GetBuffer(frame, view, 0))
        return NULL;
    if (view->len != (ptrdiff_t)ern_library.input_bytes[number]) {
        PyBuffer_Release(view);
        (void)ern_refuse(session, ERN_OK, &frame, 1);
        return NULL;
    }
    if (((uintptr_t)view->buf & 3) == 0)
        return view->buf;
    ern_memcpy(session->inputs[number], view->buf, (size_t)view->len);
    return session->inputs[number];
}

/* run(frame) -> array, for a model with one input and one output */
static ern_object *ern_run_single(ern_object *self, ern_object *frame)
{
    const ern_session *session = ern_session_of(self);
    ern_buffer view;
    if (ern_library.inputs != 1)
        return ern_refuse(session, ERN_OK, &frame, 1);
    const void *input = ern_open_frame(session, frame, 0, &view);
    if (!input)
        return NULL;
    const ern_status status = ern_library.step(session->model, &input, session->outputs);
    PyBuffer_Release(&view);
    if (status != ERN_OK)
        return ern_refuse(session, status, &frame, 1);
    return PyObject_CallFunctionObjArgs(session->copy[0], (ern_object *)NULL);
}

/* y = clip(floor(x per_unit + 1/2)); scaled has room for n. Returns 0, and y is undefined, where x is not finite. The
 * products are in memory before anything is added, so that no compiler fuses the two roundings. */
static int ern_to_units(const float *x, float *scaled, int16_t *y, size_t n, float per_unit)
{
    uint32_t bad = 0;
    for (size_t k = 0; k < n; k++) {
        uint32_t bits;
        ern_memcpy(&bits, x + k, sizeof bits);
        bad |= (uint32_t)((bits & 0x7f800000) == 0x7f800000);
        scaled[k] = x[k] * per_unit;
    }
    __asm__ volatile("" : : "r"(scaled) : "memory");
    if (bad)
        return 0;
    for (size_t k = 0; k < n; k++) {
        const float v = scaled[k] + 0.5f, low = v > -32768.0f ? v : -32768.0f, bounded = low < 32767.0f ? low : 32767.0f;
        const int32_t whole = (int32_t)bounded;
        y[k] = (int16_t)(whole - ((float)whole > bounded));
    }
    return 1;
}

/* run_real(frame of float32) -> array of float32, for a model with one input and one output of int16, both with scales */
static ern_object *ern_run_real(ern_object *self, ern_object *frame)
{
    const ern_session *session = ern_session_of(self);
    const size_t n = ern_library.input_bytes[0] / sizeof(int16_t);
    ern_buffer view;
    if (PyObject_GetBuffer(frame, &view, 0))
        return NULL;
    const float *x = view.buf;
    int good = view.len == (ptrdiff_t)(n * sizeof(float));
    if (good && ((uintptr_t)view.buf & 3) != 0)
        x = ern_memcpy(session->real_input, view.buf, n * sizeof(float));
    good = good && ern_to_units(x, session->real_input, session->inputs[0], n, session->per_unit);
    PyBuffer_Release(&view);
    if (!good)
        return ern_raise(session->refuse_real, session->status[ERN_NOT_FINITE], &frame, 1);
    const void *input = session->inputs[0];
    const ern_status status = ern_library.step(session->model, &input, session->outputs);
    if (status != ERN_OK)
        return ern_raise(session->refuse_real, session->status[status], &frame, 1);
    const int16_t *y = session->outputs[0];
    for (size_t k = 0; k < ern_library.output_bytes[0] / sizeof *y; k++)
        session->real_output[k] = (float)y[k] * session->unit;
    return PyObject_CallFunctionObjArgs(session->copy_real, (ern_object *)NULL);
}

static ern_object *ern_results(const ern_session *session)
{
    ern_object *results = PyTuple_New((ptrdiff_t)ern_library.outputs);
    for (uint32_t k = 0; results && k < ern_library.outputs; k++) {
        ern_object *result = PyObject_CallFunctionObjArgs(session->copy[k], (ern_object *)NULL);
        if (!result) {
            Py_DecRef(results);
            return NULL;
        }
        (void)PyTuple_SetItem(results, (ptrdiff_t)k, result);
    }
    return results;
}

/* run(*frames) -> tuple of arrays */
static ern_object *ern_run(ern_object *self, ern_object *const *frames, ptrdiff_t count)
{
    const ern_session *session = ern_session_of(self);
    ern_buffer views[ERN_MAX_INPUTS];
    const void *inputs[ERN_MAX_INPUTS];
    uint32_t opened = 0;
    ern_status status = ERN_OK;
    if (count != (ptrdiff_t)ern_library.inputs || count > ERN_MAX_INPUTS)
        return ern_refuse(session, ERN_OK, frames, count);
    while (opened < ern_library.inputs
           && (inputs[opened] = ern_open_frame(session, frames[opened], opened, &views[opened])) != NULL)
        opened++;
    const int complete = opened == ern_library.inputs;
    if (complete)
        status = ern_library.step(session->model, inputs, session->outputs);
    while (opened > 0)
        PyBuffer_Release(&views[--opened]);
    if (!complete)
        return NULL;
    return status == ERN_OK ? ern_results(session) : ern_refuse(session, status, frames, count);
}

extern ERN_EXPORT const ern_method ern_python_methods[2];
const ern_method ern_python_methods[2] = {
    {"run", (void (*)(void))ern_run, ERN_METH_FASTCALL, NULL},
    {"run_single", (void (*)(void))ern_run_single, ERN_METH_O, NULL},
};

extern ERN_EXPORT const ern_method ern_python_real;
const ern_method ern_python_real = {"run_real", (void (*)(void))ern_run_real, ERN_METH_O, NULL};

#else

typedef char ern_no_python;

#endif
