// The texts, and durations in words.

const LANGUAGES = ["de", "fr", "es", "ja", "en"];

/** In the order of the languages; the last one is the fallback. */
const WORDS: Partial<Record<string, string>> = {
  warning:
    "Sie werden in {time} abgemeldet.|Vous serez déconnecté dans {time}.|Su sesión se cerrará en {time}.|{time}後にログアウトします。|Your session will expire in {time}.",
  final:
    "Nicht verlängerbar: Bitte speichern.|Non prolongeable : enregistrez.|No ampliable: guarde todo.|延長できません。保存してください。|Can’t be extended: save your work.",
  area: "Die Seite wird in {time} gesperrt.|La page fermera dans {time}.|La página se cerrará en {time}.|{time}後にロックします。|The page will lock in {time}.",
  stay: "Angemeldet bleiben|Rester connecté|Seguir conectado|ログインを続ける|Stay signed in",
  "sign-out": "Abmelden|Se déconnecter|Cerrar sesión|ログアウト|Sign out",
  close: "Schließen|Fermer|Cerrar|閉じる|Close",
  ended:
    "Abgemeldet.|Déconnecté.|Sesión cerrada.|ログアウトしました。|You were signed out.",
  idle_timeout:
    "Zu lange inaktiv.|Inactif trop longtemps.|Demasiado tiempo inactivo.|操作がありません。|Inactive for too long.",
  absolute_timeout:
    "Zeitlimit erreicht.|Limite atteinte.|Tiempo límite alcanzado.|時間切れです。|Time limit reached.",
  "sign-in": "Neu anmelden|Se reconnecter|Volver a entrar|再ログイン|Sign in again",
  unreachable:
    "Keine Verbindung.|Hors ligne.|Sin conexión.|接続できません。|Server unreachable.",
};

/**
 * The language for a user who wants `tag`: English without built-in texts, unless
 * the application has its own.
 */
export const languageFor = (tag: string, hasOwn: boolean): string => {
  const [base = ""] = tag.toLowerCase().split(/[-_]/);
  return hasOwn || LANGUAGES.includes(base) ? base : "en";
};

export const textIn = (lang: string, key: string): string =>
  WORDS[key]?.split("|").at(LANGUAGES.indexOf(lang)) ?? "";

/** Two minutes or more in minutes, rounded down; less in seconds. */
export const duration = (ms: number, lang: string): string => {
  const seconds = Math.ceil(ms / 1_000);
  const isShort = seconds < 120;
  return (isShort ? seconds : Math.floor(seconds / 60)).toLocaleString(lang, {
    style: "unit",
    unit: isShort ? "second" : "minute",
    unitDisplay: "long",
  });
};
