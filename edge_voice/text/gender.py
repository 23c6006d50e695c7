"""Whether a Spanish or Portuguese noun is feminine: numbers in front of it depend on it.

Endings tell for most nouns; the lists have the common ones that they do not tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_voice.text.language import word_set


@dataclass(frozen=True, slots=True)
class Genders:
    """What is known of one language's nouns, in the singular.

    Attributes:
        feminine: Those that their ending does not show.
        masculine: Likewise, with an ending that is mostly feminine.
        endings: What feminine nouns end in.
        plurals: Endings of plurals and what they are in the singular.
    """

    feminine: frozenset[str]
    masculine: frozenset[str]
    endings: re.Pattern[str]
    plurals: tuple[tuple[str, str], ...]

    def is_feminine(self, word: str) -> bool:
        """Whether a noun, in either number, is feminine as far as the word shows."""
        forms = [word, *self._singulars(word)]
        if any(form in self.masculine for form in forms):
            return False
        return any(form in self.feminine or self.endings.search(form) for form in forms)

    def _singulars(self, word: str) -> Iterator[str]:
        for plural, singular in self.plurals:
            if word.endswith(plural):
                yield word.removesuffix(plural) + singular


SPANISH = Genders(
    feminine=word_set(
        "mujer noche calle ley parte flor llave clase mano foto moto radio tarde imagen imágen "
        "sal red nave base frase torre leche carne gente muerte suerte fuente mente nube serie "
        "especie sede señal piel cárcel virgen vírgen sangre fiebre nieve hambre miel cal col "
        "sien pared lente corriente fase clave catástrofe madre tribu metrópoli labor "
        "superficie planicie intemperie suite variante constante vertiente patente gripe"
    ),
    masculine=word_set(
        "día problema mapa programa sistema tema planeta idioma clima poema drama esquema "
        "teorema dilema lema síntoma diploma enigma carisma aroma dogma estigma fantasma fonema "
        "emblema cometa tranvía sofá pijama telegrama diagrama panorama trauma plasma prisma "
        "axioma cromosoma tequila vodka panda koala puma gorila astronauta poeta profeta pirata "
        "monarca patriarca atleta artista turista periodista futbolista policía dentista "
        "pianista taxista ciclista tenista demócrata análisis oasis éxtasis énfasis paréntesis "
        "chasis pez juez lápiz arroz maíz disfraz antifaz barniz matiz altavoz avestruz "
        "guardaespaldas paraguas cumpleaños sacacorchos camión avión gorrión guion guión a la "
        "las para hasta contra nada cada era está esta una más mas cuba"
    ),
    endings=re.compile(r"(?:a|[cs]i[oó]n|gi[oó]n|ni[oó]n|dad|tad|tud|umbre|sis|z)$"),
    plurals=(("s", ""), ("es", ""), ("ces", "z")),
)
PORTUGUESE = Genders(
    feminine=word_set(
        "mulher noite parte luz voz flor chave classe lei mão foto moto tarde rede sede base "
        "frase torre carne gente morte sorte fonte mente série espécie arte ponte febre neve "
        "fome paz cruz raiz vez razão dor cor árvore mãe avó nau tribo ordem nuvem crise "
        "análise tese síntese hipótese dose fase superfície actriz atriz cicatriz pele"
    ),
    masculine=word_set(
        "dia problema mapa programa sistema tema planeta idioma clima poema drama esquema "
        "teorema dilema lema sintoma diploma enigma carisma aroma dogma estigma fantasma fonema "
        "emblema cometa sofá pijama telegrama diagrama panorama trauma plasma prisma axioma "
        "cromossoma grama quilograma panda puma gorila astronauta poeta profeta pirata monarca "
        "patriarca atleta artista turista jornalista futebolista dentista pianista taxista "
        "ciclista tenista a à as às da das na nas para contra nada cada era uma mas fora agora "
        "ímã fã"
    ),
    endings=re.compile(r"(?:[aã]|ção|são|gião|nião|dade|tude|gem)$"),
    plurals=(("s", ""), ("es", ""), ("ões", "ão"), ("ns", "m")),
)
