"""Words for generated directories: names in many scripts with their ASCII forms, and companies.

Names are written ``native=ascii``; without ``=`` the native form is already ASCII.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Word(NamedTuple):
    """A name as it is written and as it appears in an address."""

    native: str
    ascii: str


class Locale(NamedTuple):
    """One language's names.

    Attributes:
        language: Value of ``preferredLanguage``.
        country: Value of ``country``.
        city: Value of ``city``.
        dialing: International dialing prefix.
        pattern: How a displayName is made of ``{given}`` and ``{surname}``.
        given: Given names.
        surnames: Surnames.
        weight: How common people with these names are.
    """

    language: str
    country: str
    city: str
    dialing: str
    pattern: str
    given: tuple[Word, ...]
    surnames: tuple[Word, ...]
    weight: int


def _words(text: str) -> tuple[Word, ...]:
    pairs = (part.partition("=") for part in text.split())
    return tuple(Word(native, ascii_form or native) for native, _, ascii_form in pairs)


_WESTERN: Final = "{given} {surname}"
_EASTERN: Final = "{surname}{given}"

LOCALES: Final = (
    Locale(
        "en-US",
        "United States",
        "Redmond",
        "+1 425",
        _WESTERN,
        _words(
            "Cameron Adele Grady Megan Alex Diego Lidia Nestor Patti Joni Isaiah Lynne Henrietta"
            " Irvin Miriam Debra Lee Pradeep Raul Emily Johanna Christie Allan Ben Brian"
        ),
        _words(
            "Vance Archie Bowen Wilber Siciliani Holloway Wilke Fernandez Sherman Langer Robbins"
            " Mueller Sayers Graham Berger Gu Gupta Razo Braun Lorenz Cline Deyoung Walters"
            " Johnson O'Neill=ONeill Smith-Jones"
        ),
        10,
    ),
    Locale(
        "de-DE",
        "Germany",
        "München",
        "+49 89",
        _WESTERN,
        _words(
            "Jürgen=Juergen Björn=Bjoern Käthe=Kaethe Sören=Soeren Anna Lukas Jörg=Joerg Heike"
            " Zoë=Zoe Günther=Guenther"
        ),
        _words(
            "Müller=Mueller Schäfer=Schaefer Weiß=Weiss Groß=Gross Köhler=Koehler Vogel"
            " Jäger=Jaeger Böhm=Boehm Strauß=Strauss Lehmann"
        ),
        4,
    ),
    Locale(
        "fr-FR",
        "France",
        "Besançon",
        "+33 3",
        _WESTERN,
        _words(
            "François=Francois Chloé=Chloe Hélène=Helene Noël=Noel Renée=Renee Jérôme=Jerome"
            " Anaïs=Anais Benoît=Benoit"
        ),
        _words(
            "Lefèvre=Lefevre Gérard=Gerard Châtelain=Chatelain Besançon=Besancon Dupré=Dupre"
            " L'Écuyer=LEcuyer Renaud Béranger=Beranger"
        ),
        3,
    ),
    Locale(
        "pl-PL",
        "Poland",
        "Łódź",
        "+48 42",
        _WESTERN,
        _words("Łukasz=Lukasz Małgorzata=Malgorzata Żaneta=Zaneta Paweł=Pawel Agnieszka"),
        _words(
            "Wójcik=Wojcik Dąbrowski=Dabrowski Kowalczyk Żółtowski=Zoltowski Śliwa=Sliwa"
            " Wiśniewska=Wisniewska"
        ),
        2,
    ),
    Locale(
        "tr-TR",
        "Türkiye",
        "İzmir",
        "+90 232",
        _WESTERN,
        _words("İlker=Ilker Şule=Sule Çağla=Cagla Işıl=Isil Gökhan=Gokhan Ömer=Omer"),
        _words("Yılmaz=Yilmaz Öztürk=Ozturk Çelik=Celik Şahin=Sahin Doğan=Dogan Kılıç=Kilic"),
        1,
    ),
    Locale(
        "vi-VN",
        "Vietnam",
        "Đà Nẵng",
        "+84 236",
        "{surname} {given}",
        _words("Hương=Huong Dũng=Dung Ngọc=Ngoc Thảo=Thao Đức=Duc Quỳnh=Quynh"),
        _words("Nguyễn=Nguyen Trần=Tran Lê=Le Phạm=Pham Đặng=Dang Vũ=Vu"),
        1,
    ),
    Locale(
        "uk-UA",
        "Україна",
        "Київ",
        "+380 44",
        _WESTERN,
        _words("Олена=Olena Тарас=Taras Юлія=Yuliia Дмитро=Dmytro Ганна=Hanna"),
        _words("Шевченко=Shevchenko Ковальчук=Kovalchuk Бойко=Boiko Щербак=Shcherbak"),
        1,
    ),
    Locale(
        "ru-RU",
        "Kazakhstan",
        "Алматы",
        "+7 727",
        _WESTERN,
        _words("Алексей=Alexey Мария=Maria Сергей=Sergey Ольга=Olga Фёдор=Fyodor Наталья=Natalya"),
        _words(
            "Иванов=Ivanov Смирнова=Smirnova Кузнецов=Kuznetsov Соловьёва=Solovyova Щукин=Shchukin"
        ),
        1,
    ),
    Locale(
        "el-GR",
        "Greece",
        "Αθήνα",
        "+30 21",
        _WESTERN,
        _words("Γιώργος=Giorgos Ελένη=Eleni Νίκος=Nikos Μαρία=Maria Οδυσσεύς=Odysseus"),
        _words("Παπαδόπουλος=Papadopoulos Οικονόμου=Oikonomou Γεωργίου=Georgiou Αγγελής=Angelis"),
        1,
    ),
    Locale(
        "ar-EG",
        "مصر",
        "القاهرة",
        "+20 2",
        _WESTERN,
        _words("محمد=Mohamed فاطمة=Fatma أحمد=Ahmed ليلى=Layla يوسف=Youssef"),
        _words("السيد=ElSayed حسن=Hassan عبدالله=Abdallah المصري=ElMasry"),
        1,
    ),
    Locale(
        "he-IL",
        "ישראל",
        "חיפה",
        "+972 4",
        _WESTERN,
        _words("נועה=Noa איתי=Itai שירה=Shira דוד=David תמר=Tamar"),
        _words("כהן=Cohen לוי=Levi מזרחי=Mizrahi פרץ=Peretz"),
        1,
    ),
    Locale(
        "zh-CN",
        "中国",
        "上海",
        "+86 21",
        _EASTERN,
        _words("伟=Wei 秀英=Xiuying 芳=Fang 子轩=Zixuan 𠮷=Ji 雨桐=Yutong"),
        _words("王=Wang 李=Li 张=Zhang 刘=Liu 陈=Chen 欧阳=Ouyang"),
        2,
    ),
    Locale(
        "ja-JP",
        "日本",
        "東京",
        "+81 3",
        "{surname} {given}",
        _words("さくら=Sakura 健太=Kenta ゆい=Yui 翔=Sho ジョン=Jon 美咲=Misaki"),
        _words("佐藤=Sato 鈴木=Suzuki 髙橋=Takahashi 渡邊=Watanabe 齋藤=Saito"),
        2,
    ),
    Locale(
        "ko-KR",
        "대한민국",
        "서울",
        "+82 2",
        _EASTERN,
        _words("민준=Minjun 서연=Seoyeon 지훈=Jihun 하은=Haeun"),
        _words("김=Kim 이=Lee 박=Park 최=Choi 정=Jung"),
        1,
    ),
    Locale(
        "hi-IN",
        "भारत",
        "दिल्ली",
        "+91 11",
        _WESTERN,
        _words("आरव=Aarav प्रिया=Priya अर्जुन=Arjun दीपिका=Deepika"),
        _words("शर्मा=Sharma सिंह=Singh गुप्ता=Gupta कुमार=Kumar"),
        2,
    ),
    Locale(
        "th-TH",
        "ประเทศไทย",
        "กรุงเทพ",
        "+66 2",
        _WESTERN,
        _words("สมชาย=Somchai มาลี=Malee กิตติ=Kitti ปราณี=Pranee"),
        _words("ใจดี=Jaidee ศรีสุข=Srisuk ทองดี=Thongdee วงศ์=Wong"),
        1,
    ),
)
"""Every language, most common first."""

DEPARTMENTS: Final = (
    "Engineering",
    "Sales",
    "Marketing",
    "Finance",
    "Human Resources",
    "Operations",
    "Legal",
    "Research & Development",
    "Customer Success",
    "IT",
    "Procurement",
    "Quality",
)
"""Departments."""

LEVELS: Final = ("Junior", "", "", "Senior", "Lead", "Principal")
"""Prefixes of job titles; empty ones are the common case."""

TITLES: Final = (
    "Engineer",
    "Analyst",
    "Designer",
    "Consultant",
    "Specialist",
    "Coordinator",
    "Accountant",
    "Scientist",
    "Administrator",
    "Counsel",
)
"""Job titles."""

OFFICES: Final = (
    "18/2111",
    "19/2109",
    "24/1106",
    "Bldg 7, 3rd floor",
    "HQ North",
    "München Süd",
    "東京本社",
    "Home office",
    "Annex B",
)
"""Values of ``officeLocation``."""

COMPANIES: Final = ("Contoso", "Contoso", "Contoso", "Contoso Retail", "Fabrikam")
"""Values of ``companyName``."""

PROJECTS: Final = (
    "Aurora",
    "Borealis",
    "Cascade",
    "Dynamo",
    "Équinoxe",
    "Fjord",
    "Große Freiheit",
    "Horizon",
    "Iris",
    "Jupiter",
    "さくら",
    "Kilimanjaro",
)
"""Names of projects."""

PARTNERS: Final = ("fabrikam.com", "adatum.com", "northwind.example", "woodgrove.example")
"""Home domains of guests."""
