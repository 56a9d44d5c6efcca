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
 * The rest is for ern_run_real, of models with one input and one output:
 *
 * real_input    where the input has a scale: a place for a frame of real values; otherwise null
 * real_output   where the output has a scale: the memory of an array of real values that belongs to the session
 * copy_real     a callable that returns a copy of the result
 * refuse_real   as refuse, for a frame as ern_run_real takes it
 * per_unit      1 / scale of the input
 * unit          scale of the output
 * input_count   elements of the input
 * output_count  elements of the output
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
    size_t input_count;
    size_t output_count;
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

typedef float ern_four_reals __attribute__((vector_size(16)));
typedef int32_t ern_four_ints __attribute__((vector_size(16)));

/* scaled = x per_unit. Returns whether all of x is finite. */
static int ern_scale_reals(const float *x, float *scaled, size_t n, float per_unit)
{
    const ern_four_reals factor = {per_unit, per_unit, per_unit, per_unit};
    ern_four_ints bad = {0, 0, 0, 0};
    for (size_t k = 0; k < n; k += 4) {
        const size_t bytes = n - k < 4 ? (n - k) * sizeof *x : 4 * sizeof *x;
        ern_four_reals part = {0.0f, 0.0f, 0.0f, 0.0f};
        ern_four_ints bits;
        if (bytes == sizeof part)
            ern_memcpy(&part, x + k, sizeof part);
        else
            ern_memcpy(&part, x + k, bytes);
        ern_memcpy(&bits, &part, sizeof bits);
        bad |= (ern_four_ints)((bits & 0x7f800000) == 0x7f800000);
        part *= factor;
        ern_memcpy(scaled + k, &part, sizeof part);
    }
    return (bad[0] | bad[1] | bad[2] | bad[3]) == 0;
}

/* clip(floor(scaled + 1/2)) of four values; both limits are whole numbers. */
static inline ern_four_ints ern_round_reals(const float *scaled, float low, float high)
{
    const ern_four_reals half = {0.5f, 0.5f, 0.5f, 0.5f}, least = {low, low, low, low}, most = {high, high, high, high};
    ern_four_reals v;
    ern_memcpy(&v, scaled, sizeof v);
    v += half;
    const ern_four_ints above = (ern_four_ints)(v > least);
    v = (ern_four_reals)((above & (ern_four_ints)v) | (~above & (ern_four_ints)least));
    const ern_four_ints below = (ern_four_ints)(v < most);
    v = (ern_four_reals)((below & (ern_four_ints)v) | (~below & (ern_four_ints)most));
    const ern_four_ints whole = __builtin_convertvector(v, ern_four_ints);
    return whole + (ern_four_ints)(__builtin_convertvector(whole, ern_four_reals) > v);
}

/* y = clip(floor(x per_unit + 1/2)), of int8 where narrow; scaled and y have room for n rounded up to a multiple of 4.
 * Returns 0, and y is undefined, where x is not finite. The products are in memory before anything is added, so that no
 * compiler fuses the two roundings. */
static int ern_to_units(const float *x, float *scaled, void *y, size_t n, float per_unit, int narrow)
{
    if (!ern_scale_reals(x, scaled, n, per_unit))
        return 0;
    __asm__ volatile("" : : "r"(scaled) : "memory");
    for (size_t k = 0; k < n; k += 4) {
        const ern_four_ints four = narrow ? ern_round_reals(scaled + k, -128.0f, 127.0f)
                                          : ern_round_reals(scaled + k, -32768.0f, 32767.0f);
        for (size_t j = 0; j < 4; j++)
            if (narrow)
                ((int8_t *)y)[k + j] = (int8_t)four[j];
            else
                ((int16_t *)y)[k + j] = (int16_t)four[j];
    }
    return 1;
}

static void ern_to_reals(const void *y, float *real, size_t n, float unit, int narrow)
{
    for (size_t k = 0; k < n; k++)
        real[k] = (float)(narrow ? ((const int8_t *)y)[k] : ((const int16_t *)y)[k]) * unit;
}

/* The memory of a frame of real values in units, or NULL with an exception set. */
static const void *ern_open_real_frame(const ern_session *session, ern_object *frame)
{
    const size_t n = session->input_count;
    ern_buffer view;
    if (PyObject_GetBuffer(frame, &view, 0))
        return NULL;
    const float *x = view.buf;
    int good = view.len == (ptrdiff_t)(n * sizeof(float));
    if (good && ((uintptr_t)view.buf & 3) != 0)
        x = ern_memcpy(session->real_input, view.buf, n * sizeof(float));
    good = good && ern_to_units(x, session->real_input, session->inputs[0], n, session->per_unit,
                                ern_library.input_bytes[0] == n);
    PyBuffer_Release(&view);
    if (!good)
        (void)ern_raise(session->refuse_real, session->status[ERN_NOT_FINITE], &frame, 1);
    return good ? session->inputs[0] : NULL;
}

/* run_real(frame) -> array, float32 where the ports have scales, for a model with one input and one output of int8 or
 * int16 with scales, or as they are */
static ern_object *ern_run_real(ern_object *self, ern_object *frame)
{
    const ern_session *session = ern_session_of(self);
    ern_buffer view;
    const void *input = session->real_input ? ern_open_real_frame(session, frame) : ern_open_frame(session, frame, 0, &view);
    if (!input)
        return NULL;
    const ern_status status = ern_library.step(session->model, &input, session->outputs);
    if (!session->real_input)
        PyBuffer_Release(&view);
    if (status != ERN_OK)
        return ern_raise(session->refuse_real, session->status[status], &frame, 1);
    if (session->real_output)
        ern_to_reals(session->outputs[0], session->real_output, session->output_count, session->unit,
                     ern_library.output_bytes[0] == session->output_count);
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

extern ERN_EXPORT const ern_method ern_python_real_ports;
const ern_method ern_python_real_ports = {"run_real", (void (*)(void))ern_run_real, ERN_METH_O, NULL};

#else

typedef char ern_no_python;

#endif
