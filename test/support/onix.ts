/** Messages of ONIX for tests. */

export const ISBN = "9780306406157";

export const message = (...products: string[]) =>
  `<ONIXMessage release="3.0">${products.join("\n")}</ONIXMessage>`;

/** A product with an ISBN and the parts that a test is about. */
export const product = (parts: {
  kind?: string;
  id?: string;
  detail?: string;
  text?: string;
  publishing?: string;
  supply?: string;
}) =>
  `<Product><RecordReference>r</RecordReference><NotificationType>${parts.kind ?? "03"}</NotificationType>
  ${parts.id ?? `<ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${ISBN}</IDValue></ProductIdentifier>`}
  ${parts.detail === undefined ? "" : `<DescriptiveDetail>${parts.detail}</DescriptiveDetail>`}
  ${parts.text === undefined ? "" : `<CollateralDetail>${parts.text}</CollateralDetail>`}
  ${parts.publishing === undefined ? "" : `<PublishingDetail>${parts.publishing}</PublishingDetail>`}
  ${parts.supply === undefined ? "" : `<ProductSupply><SupplyDetail>${parts.supply}</SupplyDetail></ProductSupply>`}
  </Product>`;

export const identifier = (type: string, id: string) =>
  `<ProductIdentifier><ProductIDType>${type}</ProductIDType><IDValue>${id}</IDValue></ProductIdentifier>`;

export const title = (element: string, level = "01") =>
  `<TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>${level}</TitleElementLevel>${element}</TitleElement></TitleDetail>`;

export const text = (content: string, attributes = "") =>
  `<TextContent><TextType>03</TextType><Text${attributes}>${content}</Text></TextContent>`;

/** A product with all that Octavo reads, and some that it does not. */
export const REFERENCE = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ONIXMessage SYSTEM "http://unreachable.example/onix.dtd">
<ONIXMessage release="3.0" xmlns="http://ns.editeur.org/onix/3.0/reference">
<Header><Sender><SenderName>S</SenderName></Sender><SentDateTime>20261126</SentDateTime>
<DefaultPriceType>02</DefaultPriceType><DefaultCurrencyCode>EUR</DefaultCurrencyCode></Header>
<!-- <Product> in a comment is none -->
<Product>
  <RecordReference>example.1</RecordReference><NotificationType>03</NotificationType>
  <ProductIdentifier><ProductIDType>01</ProductIDType><IDValue>X-1</IDValue></ProductIdentifier>
  <ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${ISBN}</IDValue></ProductIdentifier>
  <DescriptiveDetail>
    <ProductComposition>00</ProductComposition><ProductForm>BC</ProductForm>
    <TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel>
      <TitlePrefix>The</TitlePrefix><TitleWithoutPrefix>Glass  Harbour</TitleWithoutPrefix>
      <Subtitle>A Novel</Subtitle></TitleElement></TitleDetail>
    <Contributor><SequenceNumber>2</SequenceNumber><ContributorRole>A01</ContributorRole>
      <PersonNameInverted>Núñez, Inés</PersonNameInverted></Contributor>
    <Contributor><SequenceNumber>1</SequenceNumber><ContributorRole>A01</ContributorRole>
      <NamesBeforeKey>Ada</NamesBeforeKey><PrefixToKey>van</PrefixToKey><KeyNames>Dijk</KeyNames></Contributor>
    <Contributor><SequenceNumber>3</SequenceNumber><ContributorRole>B06</ContributorRole>
      <PersonName>A Translator</PersonName></Contributor>
    <Language><LanguageRole>01</LanguageRole><LanguageCode>ger</LanguageCode><CountryCode>AT</CountryCode></Language>
    <Extent><ExtentType>00</ExtentType><ExtentValue>312</ExtentValue><ExtentUnit>03</ExtentUnit></Extent>
    <Subject><SubjectSchemeIdentifier>20</SubjectSchemeIdentifier><SubjectHeadingText>harbours; glass</SubjectHeadingText></Subject>
    <Subject><MainSubject/><SubjectSchemeIdentifier>93</SubjectSchemeIdentifier><SubjectCode>FBA</SubjectCode>
      <SubjectHeadingText>Modern fiction</SubjectHeadingText></Subject>
  </DescriptiveDetail>
  <CollateralDetail>
    <TextContent><TextType>03</TextType><ContentAudience>00</ContentAudience>
      <Text textformat="05"><p>One &amp; <em>two</em>.</p><p>Three<br/>four</p></Text></TextContent>
    <SupportingResource><ResourceContentType>01</ResourceContentType><ResourceMode>03</ResourceMode>
      <ResourceVersion><ResourceForm>02</ResourceForm><ResourceLink>https://c.example/small.jpg</ResourceLink></ResourceVersion>
      <ResourceVersion><ResourceForm>02</ResourceForm>
        <ResourceVersionFeature><ResourceVersionFeatureType>02</ResourceVersionFeatureType><FeatureValue>900</FeatureValue></ResourceVersionFeature>
        <ResourceVersionFeature><ResourceVersionFeatureType>03</ResourceVersionFeatureType><FeatureValue>600</FeatureValue></ResourceVersionFeature>
        <ResourceLink>https://c.example/large.jpg</ResourceLink></ResourceVersion></SupportingResource>
  </CollateralDetail>
  <PublishingDetail>
    <Imprint><ImprintName>Quay Editions</ImprintName></Imprint>
    <Publisher><PublishingRole>01</PublishingRole><PublisherName>Example Group</PublisherName></Publisher>
    <PublishingDate><PublishingDateRole>11</PublishingDateRole><Date>1990</Date></PublishingDate>
    <PublishingDate><PublishingDateRole>01</PublishingDateRole><Date dateformat="00">20240917</Date></PublishingDate>
  </PublishingDetail>
  <ProductSupply><SupplyDetail><ProductAvailability>21</ProductAvailability>
    <Price><PriceType>01</PriceType><PriceAmount>18.20</PriceAmount><CurrencyCode>EUR</CurrencyCode></Price>
    <Price><PriceAmount>20.00</PriceAmount></Price>
    <Price><PriceType>02</PriceType><PriceAmount>17.99</PriceAmount><CurrencyCode>GBP</CurrencyCode></Price>
  </SupplyDetail></ProductSupply>
</Product></ONIXMessage>`;

const SHORT_TAGS: Record<string, string> = Object.fromEntries(
  `RecordReference a001,NotificationType a002,ProductIDType b221,IDValue b244,ProductComposition x314,ProductForm b012
TitleType b202,TitleElementLevel x409,TitlePrefix b030,TitleWithoutPrefix b031,Subtitle b029,SequenceNumber b034
ContributorRole b035,PersonNameInverted b037,NamesBeforeKey b039,PrefixToKey b247,KeyNames b040,PersonName b036
LanguageRole b253,LanguageCode b252,CountryCode b251,ExtentType b218,ExtentValue b219,ExtentUnit b220
SubjectSchemeIdentifier b067,SubjectHeadingText b070,MainSubject x425,SubjectCode b069,TextType x426,ContentAudience x427
Text d104,ResourceContentType x436,ResourceMode x437,ResourceForm x441,ResourceLink x435,ResourceVersionFeatureType x442
FeatureValue x439,ImprintName b079,PublishingRole b291,PublisherName b081,PublishingDateRole x448,Date b306
ProductAvailability j396,PriceType x462,PriceAmount j151,CurrencyCode j152,DefaultPriceType x310,DefaultCurrencyCode m186
SenderName x298,SentDateTime x307`
    .split(/[,\n]/)
    .map((pair) => pair.split(" ")),
);

/** The same message with short tags. */
export const SHORT = REFERENCE.replaceAll(/<(\/?)(\w+)/g, (tag, slash: string, name: string) =>
  name.length > 2 ? `<${slash}${SHORT_TAGS[name] ?? name.toLowerCase()}` : tag,
)
  .replaceAll("onixmessage", "ONIXmessage")
  .replace("reference", "short");
