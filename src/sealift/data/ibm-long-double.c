/*
 * Arithmetic of IBM's long double, a sum of two doubles, which LLVM leaves to functions of GCC's
 * runtime library on POWER, and which zig's does not have.  Nothing of zig's may be asked for here:
 * it has sqrtl and others for another long double, which would come along.
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
