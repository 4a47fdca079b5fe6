/** What the shop decides about its pages. */
import * as z from "zod";

export interface Shop {
  /** The currency of all prices, by ISO 4217. */
  currency: string;
  /** How prices and dates are written, as a BCP 47 tag. */
  locale: string;
  /** Where its days begin and its clocks are, as an IANA name. */
  timeZone: string;
  /** The origins that covers may come from; undefined for any that has https. */
  coverOrigins: readonly string[] | undefined;
}

const isSupported = (locale: string): boolean => {
  try {
    return Intl.NumberFormat.supportedLocalesOf(locale).length > 0;
  } catch {
    return false;
  }
};

/** Offsets such as `+01:00` are none: they know no summer. */
const isTimeZone = (name: string): boolean => {
  try {
    return /^[A-Z]/i.test(name) && new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
};

const isHttpsOrigin = (text: string) =>
  URL.canParse(text) && text.startsWith("https://") && new URL(text).origin === text;

/** The variables of the configuration. */
export const SHOP_VARIABLES = {
  SHOP_CURRENCY: z
    .string()
    .refine(
      (code) => Intl.supportedValuesOf("currency").includes(code),
      "must be the code of a currency, such as EUR",
    )
    .default("USD"),
  SHOP_LOCALE: z
    .string()
    .refine(isSupported, "must be the tag of a locale, such as en-GB")
    .transform((locale) => Intl.getCanonicalLocales(locale)[0] ?? locale)
    .default("en-US"),
  SHOP_TIME_ZONE: z
    .string()
    .refine(isTimeZone, "must be the name of a time zone, such as Europe/Dublin")
    .default("UTC"),
  COVER_ORIGINS: z
    .string()
    .transform((list) => list.split(",").map((origin) => origin.trim()))
    .refine(
      (origins) => origins.every(isHttpsOrigin),
      "must be https origins, such as https://covers.example, separated by commas",
    )
    .optional(),
};

export function shopOf(variables: z.output<z.ZodObject<typeof SHOP_VARIABLES>>): Shop {
  return {
    currency: variables.SHOP_CURRENCY,
    locale: variables.SHOP_LOCALE,
    timeZone: variables.SHOP_TIME_ZONE,
    coverOrigins: variables.COVER_ORIGINS,
  };
}
