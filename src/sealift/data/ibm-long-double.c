/*
 * Arithmetic of IBM's long double, a sum of two doubles, which LLVM leaves to functions of GCC's
 * runtime library on POWER, and which zig's does not have.
 *
 * The sum of two doubles as a double and what it lacks is Knuth's (The Art of Computer Programming,
 * volume 2, 4.2.2), the rest Dekker's (A Floating-Point Technique for Extending the Available
 * Precision, 1971), with a fused multiplication where he splits.  Nothing here may be done with
 * long doubles themselves.
 */

typedef union {
    long double whole;
    struct {
        double high, low;
    } part;
} Pair;

/* high + low, of which the former is larger, or no number that has a lower part. */
static long double joined(double high, double low)
{
    Pair sum = {.part = {high + low, 0}};
    if (__builtin_isfinite(sum.part.high))
        sum.part.low = low - (sum.part.high - high);
    else
        sum.part.high = high;
    return sum.whole;
}

/* What the double sum of one and other lacks. */
static double error(double sum, double one, double other)
{
    double virtual = sum - one;
    return (one - (sum - virtual)) + (other - virtual);
}

long double __gcc_qadd(long double one, long double other)
{
    Pair a = {one}, b = {other};
    double high = a.part.high + b.part.high, low = a.part.low + b.part.low;
    if (!__builtin_isfinite(high))
        return joined(high, 0);
    double lacking = error(low, a.part.low, b.part.low);
    Pair sum = {joined(high, error(high, a.part.high, b.part.high) + low)};
    return joined(sum.part.high, sum.part.low + lacking);
}

long double __gcc_qsub(long double one, long double other)
{
    Pair b = {other};
    b.part.high = -b.part.high;
    b.part.low = -b.part.low;
    return __gcc_qadd(one, b.whole);
}

long double __gcc_qmul(long double one, long double other)
{
    Pair a = {one}, b = {other};
    double high = a.part.high * b.part.high;
    if (high == 0 || !__builtin_isfinite(high))
        return joined(high, 0);
    double low = __builtin_fma(a.part.high, b.part.high, -high);
    return joined(high, low + (a.part.high * b.part.low + a.part.low * b.part.high));
}

long double __gcc_qdiv(long double one, long double other)
{
    Pair a = {one}, b = {other};
    double high = a.part.high / b.part.high;
    if (high == 0 || !__builtin_isfinite(high) || !__builtin_isfinite(b.part.high))
        return joined(high, 0);
    double product = high * b.part.high;
    double lacking = __builtin_fma(high, b.part.high, -product);
    double rest = ((a.part.high - product) - lacking) + a.part.low - high * b.part.low;
    return joined(high, rest / b.part.high);
}

/* Of a number that is not negative and below 2^64, towards zero. */
static unsigned long long integer(double high, double low)
{
    unsigned long long whole = high < 0x1p64 ? (unsigned long long)high : 0;
    if (high < 0x1p53 && (double)whole != high) /* low is smaller than what was cut off */
        return whole;
    return whole + (unsigned long long)(long long)__builtin_floor(low);
}

unsigned long long __fixunstfdi(long double number)
{
    Pair a = {number};
    return a.part.high < 0 ? -integer(-a.part.high, -a.part.low) : integer(a.part.high, a.part.low);
}

long long __fixtfdi(long double number)
{
    return (long long)__fixunstfdi(number);
}

long double __floatunditf(unsigned long long number)
{
    double high = (double)number;
    return joined(high, (double)(long long)(number - integer(high, 0)));
}

long double __floatditf(long long number)
{
    Pair size = {__floatunditf(number < 0 ? -(unsigned long long)number : (unsigned long long)number)};
    if (number < 0) {
        size.part.high = -size.part.high;
        size.part.low = -size.part.low;
    }
    return size.whole;
}

typedef __int128 Wide;
typedef unsigned __int128 UnsignedWide;

static UnsignedWide wide_integer(double high, double low)
{
    UnsignedWide whole = high < 0x1p128 ? (UnsignedWide)high : 0;
    if (high < 0x1p53 && (double)whole != high)
        return whole;
    return whole + (UnsignedWide)(Wide)__builtin_floor(low);
}

UnsignedWide __fixunstfti(long double number)
{
    Pair a = {number};
    return a.part.high < 0 ? -wide_integer(-a.part.high, -a.part.low)
                           : wide_integer(a.part.high, a.part.low);
}

Wide __fixtfti(long double number)
{
    return (Wide)__fixunstfti(number);
}

/* By a power of two. */
static long double scaled(long double number, double power)
{
    Pair a = {number};
    return joined(a.part.high * power, a.part.low * power);
}

long double __floatuntitf(UnsignedWide number)
{
    return scaled(__floatunditf((unsigned long long)(number >> 64)), 0x1p64)
        + __floatunditf((unsigned long long)number);
}

long double __floattitf(Wide number)
{
    return number < 0 ? -__floatuntitf(-(UnsignedWide)number) : __floatuntitf((UnsignedWide)number);
}

long double __powitf2(long double number, int exponent)
{
    long double power = 1;
    for (unsigned left = exponent < 0 ? -(unsigned)exponent : (unsigned)exponent; left; left >>= 1) {
        if (left & 1)
            power *= number;
        number *= number;
    }
    return exponent < 0 ? 1 / power : power;
}

/*
 * Complex numbers.  Those with an infinite part are infinite, whatever the other part is: where the
 * usual formulas lead to no number, each part counts by its sign, an infinite one as 1, another as
 * what it is or as 0 (C11, annex G.5.1).
 */

typedef struct {
    double real, imaginary;
} Heads;

static double head(long double number)
{
    return ((Pair){number}).part.high;
}

static long double _Complex complex_of(long double real, long double imaginary)
{
    long double _Complex made;
    __real__ made = real;
    __imag__ made = imaginary;
    return made;
}

static int is_infinite(Heads it)
{
    return __builtin_isinf(it.real) || __builtin_isinf(it.imaginary);
}

static int is_finite(Heads it)
{
    return __builtin_isfinite(it.real) && __builtin_isfinite(it.imaginary);
}

static double direction_of(double part)
{
    return __builtin_copysign(__builtin_isinf(part) ? 1 : 0, part);
}

static Heads direction(Heads it)
{
    return (Heads){direction_of(it.real), direction_of(it.imaginary)};
}

static double number_of(double part)
{
    return __builtin_isnan(part) ? __builtin_copysign(0, part) : part;
}

static Heads number(Heads it)
{
    return (Heads){number_of(it.real), number_of(it.imaginary)};
}

long double _Complex __multc3(long double a, long double b, long double c, long double d)
{
    long double real = a * c - b * d, imaginary = a * d + b * c;
    Heads x = {head(a), head(b)}, y = {head(c), head(d)};
    if (!__builtin_isnan(head(real)) || !__builtin_isnan(head(imaginary)))
        return complex_of(real, imaginary);
    int x_is = is_infinite(x), y_is = is_infinite(y);
    if (!x_is && !y_is && !is_infinite((Heads){x.real * y.real, x.imaginary * y.imaginary})
        && !is_infinite((Heads){x.real * y.imaginary, x.imaginary * y.real}))
        return complex_of(real, imaginary);
    x = number(x_is ? direction(x) : x);
    y = number(y_is ? direction(y) : y);
    return complex_of(__builtin_inf() * (x.real * y.real - x.imaginary * y.imaginary),
                      __builtin_inf() * (x.real * y.imaginary + x.imaginary * y.real));
}

/* The power of two that makes the larger of two numbers one near 1. */
static double scale_for(double one, double other)
{
    union { double number; unsigned long long bits; } it;
    one = __builtin_fabs(one);
    other = __builtin_fabs(other);
    it.number = one > other ? one : other;
    int exponent = (int)(it.bits >> 52 & 0x7ff);
    if (exponent == 0x7ff)
        return 1;
    exponent = 2046 - (exponent ? exponent : 1); /* of its inverse */
    it.bits = (unsigned long long)(exponent ? exponent : 1) << 52;
    return it.number;
}

long double _Complex __divtc3(long double a, long double b, long double c, long double d)
{
    double scale = scale_for(head(c), head(d));
    long double e = scaled(c, scale), f = scaled(d, scale);
    long double square = e * e + f * f;
    long double real = scaled((a * e + b * f) / square, scale);
    long double imaginary = scaled((b * e - a * f) / square, scale);
    Heads x = {head(a), head(b)}, y = {head(c), head(d)};
    if (!__builtin_isnan(head(real)) || !__builtin_isnan(head(imaginary)))
        return complex_of(real, imaginary);
    double size;
    if (y.real == 0 && y.imaginary == 0) {
        size = __builtin_copysign(__builtin_inf(), y.real);
        return complex_of(size * x.real, size * x.imaginary);
    }
    if (is_infinite(x) && is_finite(y)) {
        x = direction(x);
        size = __builtin_inf();
    } else if (is_finite(x) && is_infinite(y)) {
        y = direction(y);
        size = 0;
    } else {
        return complex_of(real, imaginary);
    }
    return complex_of(size * (x.real * y.real + x.imaginary * y.imaginary),
                      size * (x.imaginary * y.real - x.real * y.imaginary));
}
